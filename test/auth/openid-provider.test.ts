import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { OpenIdAuthenticator } from "../../src/auth/openid-authenticator.js";
import { OpenIdProvider } from "../../src/auth/openid-provider.js";
import { ManualClock } from "../kit/deterministic/manual-clock.js";
import { RecordingLog } from "../kit/server/recording-log.js";
import { configOf } from "../kit/server/server.js";

describe("An OpenID provider", () => {
  it("tells where users sign in, and which keys verify their tokens", async () => {
    await using site = await ProviderSite.open();
    const { provider, authenticator } = await openProvider(site);

    const caller = await authenticator.authenticate(await site.sign());

    expect(caller.username).toBe("ada");
    expect(authenticator.failures).toEqual([]);
    expect(provider.endpoints).toEqual({
      authorization: `${site.issuer}/authorize`,
      token: `${site.issuer}/token`,
      endSession: undefined,
    });
  });

  it.each([
    ["another issuer", { iss: "https://other.example" }],
    ["another audience", { aud: "other" }],
  ])("rejects a token of %s", async (_, claims) => {
    await using site = await ProviderSite.open();
    const { authenticator } = await openProvider(site);
    const token = await site.sign(claims);

    await expect(authenticator.authenticate(token)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });

  it("may replace its keys", async () => {
    await using site = await ProviderSite.open();
    const { authenticator } = await openProvider(site);
    await authenticator.authenticate(await site.sign());

    site.replaceKeys();
    const token = await site.sign();

    await expect.poll(() => isAccepted(authenticator, token), { timeout: 20_000 }).toBe(true);
  });

  it("that cannot be reached at the start is asked again, and its tokens are UNAVAILABLE until then", async () => {
    await using site = await ProviderSite.open();
    site.status = 503;
    const { authenticator, clock, log } = await openProvider(site);
    const token = await site.sign();

    await expect((async () => authenticator.authenticate(token))()).rejects.toMatchObject({
      code: "UNAVAILABLE",
    });
    expect(authenticator.failures).toMatchObject([{ source: "OpenID provider", rejectsAll: true }]);
    site.status = 200;
    clock.advance(5_000);
    await expect.poll(() => authenticator.failures).toEqual([]);

    expect(await isAccepted(authenticator, token)).toBe(true);
    expect(log.lines).toMatchObject([
      { level: "error", message: expect.stringContaining("cannot use the OpenID provider") as unknown },
      { level: "info", message: "reached the OpenID provider" },
    ]);
  });

  it("that calls itself by another name is not used, and the log has the name to set", async () => {
    await using site = await ProviderSite.open();
    site.name = `${site.issuer}/`;
    const { authenticator, log } = await openProvider(site);

    expect(authenticator.failures).toHaveLength(1);
    const err = expect.objectContaining({
      message: expect.stringContaining(`set --oidc-issuer ${site.issuer}/`) as unknown,
    }) as unknown;
    expect(log.lines).toMatchObject([{ level: "error", fields: { err } }]);
  });
});

async function openProvider(site: ProviderSite) {
  const [clock, log] = [new ManualClock(Date.now()), new RecordingLog()];
  const provider = await OpenIdProvider.open(site.issuer, { clock, log });
  const jwt = {
    ...configOf({ jwtRoles: "*=viewer", jwtDatabases: "*=*" }).jwt,
    issuer: site.issuer,
    audience: "tidemark",
  };
  return {
    provider,
    clock,
    log,
    authenticator: await OpenIdAuthenticator.open(provider, { jwt, clock, log }),
  };
}

async function isAccepted(authenticator: OpenIdAuthenticator, token: string): Promise<boolean> {
  try {
    await authenticator.authenticate(token);
    return true;
  } catch {
    return false;
  }
}

/** A provider's description and keys, without its pages. */
class ProviderSite implements AsyncDisposable {
  status = 200;
  /** The issuer in its description. */
  name = "";
  #kid = 0;
  #pair = newPair();
  readonly #server: Server;

  static async open(): Promise<ProviderSite> {
    const site = new ProviderSite();
    site.#server.listen(0, "127.0.0.1");
    await once(site.#server, "listening");
    site.name = site.issuer;
    return site;
  }

  private constructor() {
    this.#server = createServer((request, response) => {
      response.writeHead(this.status, { "content-type": "application/json" });
      response.end(JSON.stringify(request.url === "/jwks" ? this.#keySet() : this.#description()));
    });
  }

  get issuer(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`; // it listens on a port
  }

  replaceKeys(): void {
    this.#kid++;
    this.#pair = newPair();
  }

  sign(claims: object = {}): Promise<string> {
    return new SignJWT({ iss: this.issuer, aud: "tidemark", sub: "ada", ...claims })
      .setProtectedHeader({ alg: "RS256", kid: String(this.#kid) })
      .setExpirationTime("1h")
      .sign(this.#pair.privateKey);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  #description(): object {
    const at = (path: string): string => `${this.issuer}/${path}`;
    return {
      issuer: this.name,
      authorization_endpoint: at("authorize"),
      token_endpoint: at("token"),
      jwks_uri: at("jwks"),
    };
  }

  #keySet(): object {
    const { publicKey } = this.#pair;
    return {
      keys: [{ ...publicKey.export({ format: "jwk" }), kid: String(this.#kid), alg: "RS256", use: "sig" }],
    };
  }
}

function newPair(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  return generateKeyPairSync("rsa", { modulusLength: 2_048 });
}
