import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Provider } from "oidc-provider";
import { createMemoryAdapter } from "oidc-provider/lib/adapters/memory_adapter.js";
import type { Page } from "playwright-core";

export interface IdentityProviderOptions {
  /** The claims of each user, by the name to sign in with. Any password is right. */
  readonly users: Readonly<Record<string, object>>;
  /** The lifetime of tokens in seconds. Default: an hour. */
  readonly lifeS?: number;
  /** Whether it renews tokens. Default true. */
  readonly renews?: boolean;
  /** If given, access tokens are JSON Web Tokens with this audience; else they are opaque. */
  readonly audience?: string;
}

const CLIENT_ID = "tidemark";

/**
 * A real OpenID provider on a free port. Its client may return to any address, because the server's port is not known
 * before; refresh tokens are good for one use.
 */
export class IdentityProvider implements AsyncDisposable {
  readonly #options: IdentityProviderOptions;
  readonly #server: Server;
  #handle: RequestListener = (_, response) => void response.writeHead(503).end();
  readonly #adapter = createMemoryAdapter();
  #keys = 0;

  static async open(options: IdentityProviderOptions): Promise<IdentityProvider> {
    const provider = new IdentityProvider(options);
    provider.#server.listen(0, "127.0.0.1");
    await once(provider.#server, "listening");
    provider.rotateKeys();
    return provider;
  }

  private constructor(options: IdentityProviderOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => this.#handle(request, response));
  }

  get issuer(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`; // it listens on a port
  }

  /** The settings of a server that uses it. */
  get flags(): Record<string, string> {
    return { oidcIssuer: this.issuer, oidcClientId: CLIENT_ID };
  }

  /** Signs from now on with another key. Sessions go on. */
  rotateKeys(): void {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
    const key = {
      ...privateKey.export({ format: "jwk" }),
      kid: `key-${this.#keys++}`,
      use: "sig",
      alg: "RS256",
    };
    const provider = new Provider(this.issuer, {
      ...configurationOf(this.#options, key),
      adapter: this.#adapter,
    });
    provider.Client.prototype.redirectUriAllowed = () => true;
    provider.Client.prototype.postLogoutRedirectUriAllowed = () => true;
    this.#handle = provider.callback();
  }

  /** Answers every request with 503. */
  break(): void {
    this.#handle = (_, response) => void response.writeHead(503).end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}

/** Signs in at the page of the provider, and consents if it asks. */
export async function signInAtProvider(page: Page, username: string): Promise<void> {
  await page.locator("input[name=login]").fill(username);
  await page.locator("input[name=password]").fill("any");
  await page.locator("button[type=submit]").click();
  await page.getByRole("button", { name: "Continue" }).click();
}

function configurationOf(
  { users, lifeS = 3_600, renews = true, audience }: IdentityProviderOptions,
  key: object,
): object {
  const life = (): number => lifeS;
  return {
    clients: [
      {
        client_id: CLIENT_ID,
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token"],
        redirect_uris: ["https://tidemark.example/"],
      },
    ],
    jwks: { keys: [key] },
    cookies: { keys: ["secret"] },
    claims: { openid: ["sub"], profile: ["name", "groups", "realm_access"] },
    conformIdTokenClaims: false,
    findAccount: (_: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id, ...users[id] }) }),
    extraTokenClaims: (_: unknown, { accountId }: { readonly accountId: string }) => users[accountId],
    clientBasedCORS: () => true,
    issueRefreshToken: () => renews,
    ttl: {
      IdToken: life,
      AccessToken: life,
      RefreshToken: 3_600,
      Session: 3_600,
      Grant: 3_600,
      Interaction: 600,
    },
    features: {
      devInteractions: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      resourceIndicators: {
        enabled: audience !== undefined,
        defaultResource: () => `urn:${audience}`,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: "",
          audience,
          accessTokenFormat: "jwt",
          accessTokenTTL: lifeS,
        }),
      },
    },
  };
}
