import { describe, expect, it } from "vitest";
import { serverError } from "../../src/cli/actions/server-error.js";
import { resolveDatabase } from "../../src/cli/server-options.js";
import { TidemarkError, unavailable } from "../../src/protocol/tidemark-error.js";

const REFUSED = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
const UNANSWERED = new TidemarkError("UNAVAILABLE", "no answer", {
  cause: new Error("fetch failed", { cause: REFUSED }),
});
const TIMEOUT = new TidemarkError("UNAVAILABLE", "no answer", {
  cause: new DOMException("aborted", "TimeoutError"),
});
const REJECTED = new TidemarkError("UNAUTHENTICATED", "send it as `Authorization: Bearer TOKEN`");

describe("The error of a request, on the command line", () => {
  it.each([
    ["the default", {}, {}, "http://127.0.0.1:4000 (the default)."],
    ["the environment", {}, { TIDEMARK_URL: "http://host" }, "http://host (from TIDEMARK_URL)."],
    ["a flag", { url: "http://flag" }, { TIDEMARK_URL: "http://host" }, "http://flag (from --url)."],
  ])("says that no server answers at an address from %s, and how to start one", (_, flags, env, address) => {
    expect(serverError(UNANSWERED, resolveDatabase(flags, env))).toMatchObject({
      code: "UNAVAILABLE",
      message: `No server answers at ${address} Start one with "npx tidemark", or name another with --url or TIDEMARK_URL.`,
    });
  });

  it("says why no server answers, unless time has run out", () => {
    const server = resolveDatabase({}, {});
    const unknown = new TidemarkError("UNAVAILABLE", "no answer", {
      cause: new Error("getaddrinfo ENOTFOUND host"),
    });

    expect(serverError(unknown, server)).toMatchObject({
      message: expect.stringContaining("(the default): getaddrinfo ENOTFOUND host. Check"),
    });
    expect(serverError(TIMEOUT, server)).toMatchObject({
      message: expect.stringContaining("(the default). Check"),
    });
  });

  it("says that a port speaks http if the address says https", () => {
    const reason = Object.assign(new Error("SSL routines"), { reason: "wrong version number" });
    const error = new TidemarkError("UNAVAILABLE", "no answer", { cause: reason });

    expect(serverError(error, resolveDatabase({ url: "https://127.0.0.1:1" }, {}))).toMatchObject({
      message:
        "No server answers at https://127.0.0.1:1 (from --url): the port speaks http, not https. Use http://127.0.0.1:1.",
    });
  });

  it("names the source of the address if another server answers there", () => {
    expect(serverError(unavailable("Not a Tidemark server."), resolveDatabase({}, {}))).toMatchObject({
      message: "Not a Tidemark server. The address is the default.",
    });
  });

  it.each([
    [{}, {}, /requires a token: pass one with --token or TIDEMARK_TOKEN\.$/],
    [{ token: "" }, {}, /requires a token/],
    [
      { token: "x" },
      {},
      /rejects the token from --token: it is invalid, has expired or was revoked\. Pass another\.$/,
    ],
    [{}, { TIDEMARK_TOKEN: "x" }, /rejects the token from TIDEMARK_TOKEN/],
  ])("names the option or the variable of the token: %j %j", (flags, env, message) => {
    expect(serverError(REJECTED, resolveDatabase(flags, env))).toMatchObject({
      code: "UNAUTHENTICATED",
      message: expect.stringMatching(message),
    });
  });

  it("names the option of the database if the token does not cover it", () => {
    const message = 'The token does not cover the database "default". It covers "movies".';

    expect(serverError(new TidemarkError("FORBIDDEN", message), resolveDatabase({}, {}))).toMatchObject({
      message: `${message} Pass another with --database or TIDEMARK_DATABASE.`,
    });
  });

  it("is otherwise that of the server", () => {
    const error = new TidemarkError("LIMIT_EXCEEDED", "Too many jobs.", { limit: "jobsPerDatabaseMax" });

    expect(serverError(error, resolveDatabase({}, {}))).toMatchObject({
      message: "Too many jobs.",
      extensions: { code: "LIMIT_EXCEEDED", limit: "jobsPerDatabaseMax" },
    });
  });
});
