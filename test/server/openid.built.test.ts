import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { IdentityProvider } from "../kit/server/identity-provider.js";
import { startServer } from "../kit/server/server.js";
import { Tokens } from "../kit/server/tokens.js";

const RIGHTS = { jwtRoles: "*=viewer", jwtDatabases: "*=*" };

describe("A server with an OpenID provider", () => {
  it("tells the dashboard how to sign in, and lets it send requests to the provider only", async () => {
    await using provider = await IdentityProvider.open({ users: {} });
    await using server = await startServer({ ...provider.flags, ...RIGHTS });
    await using other = await startServer();

    const about = (await (await fetch(`${server.url}/about`)).json()) as object;
    const policies = await Promise.all([server, other].map(({ url }) => connectSourcesOf(url)));

    expect(about).toMatchObject({
      openId: {
        issuer: provider.issuer,
        clientId: "tidemark",
        scope: "openid profile offline_access",
        audience: "tidemark",
        endpoints: { token: `${provider.issuer}/token`, endSession: `${provider.issuer}/session/end` },
      },
    });
    expect(policies).toEqual([`connect-src 'self' ${provider.issuer}`, "connect-src 'self'"]);
  });

  it("starts while the provider cannot be reached, but is not ready", async () => {
    await using provider = await IdentityProvider.open({ users: {} });
    provider.break();
    await using server = await startServer({ ...provider.flags, ...RIGHTS });

    const ready = await fetch(`${server.url}/ready`);

    expect(ready.status).toBe(503);
    expect(await ready.json()).toEqual({
      status: "not serving",
      problems: ["the OpenID provider cannot be used; the log has the reason"],
    });
    expect(await connectSourcesOf(server.url)).toBe("connect-src 'self'");
  });

  it("serves programs with tokens of a file meanwhile, and names the user of a valid token", async () => {
    await using provider = await IdentityProvider.open({ users: {} });
    provider.break();
    const tokens = new Tokens();
    const token = await tokens.grant("ada");
    await using server = await startServer({ ...provider.flags, ...RIGHTS, auth: tokens.auth });

    const headers = { authorization: `Bearer ${token}` };
    const about = await fetch(`${server.url}/about`, { headers });

    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
    expect(await about.json()).toMatchObject({ user: { username: "ada", role: "reporter" } });
    expect(await (await fetch(`${server.url}/about`)).json()).not.toHaveProperty("user");
  });
});

describe("A server with JSON Web Tokens", () => {
  it("answers a valid token that grants nothing with 403 and the reason, over HTTP and WebSocket", async () => {
    const secret = "a secret of at least thirty-two bytes, as required";
    const path = join(temporaryFolder(), "secret");
    writeFileSync(path, secret);
    await using server = await startServer({
      auth: `jwt:secret:${path}`,
      jwtIssuer: "us",
      jwtAudience: "tidemark",
    });
    const claims = new SignJWT({ iss: "us", aud: "tidemark", sub: "ada", databases: "*" });
    const token = await claims
      .setProtectedHeader({ alg: "HS256" })
      .setExpirationTime("1h")
      .sign(new TextEncoder().encode(secret));

    const response = await fetch(`${server.url}/graphql?query={__typename}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/graphql`, "graphql-transport-ws");
    socket.once("open", () => socket.send(JSON.stringify({ type: "connection_init", payload: { token } })));
    const [code, reason] = (await once(socket, "close")) as [number, Buffer];

    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({
      errors: [{ message: expect.stringContaining("its claim role grants no role") as unknown }],
    });
    expect([code, String(reason)]).toEqual([4403, "Forbidden: the token grants no rights"]);
  });
});

async function connectSourcesOf(url: string): Promise<string | undefined> {
  const { headers } = await fetch(`${url}/`, { headers: { accept: "text/html" } });
  return headers
    .get("content-security-policy")
    ?.split("; ")
    .find((policy) => policy.startsWith("connect-src"));
}
