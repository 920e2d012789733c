/**
 * Talks to an OpenID provider: authorization code with PKCE, renewed by a refresh token. Loaded only to sign in, renew and
 * sign out, because the library is large.
 *
 * No hidden frame renews a session: the page must not be framed, and browsers withhold the provider's cookies in frames of
 * other sites. So if a provider sends no refresh token, the user signs in again when the token expires.
 */
import { ErrorResponse, OidcClient, WebStorageStateStore, type RefreshState } from "oidc-client-ts";
import { SERVER_URL } from "./server-url.js";
import type { OpenIdSession, OpenIdSettings, Session } from "./session-store.js";

/** Leaves the page for the provider. @param nonce binds the ID token to this sign-in. */
export async function leaveForSignIn(settings: OpenIdSettings, nonce: string): Promise<void> {
  const { url } = await clientFor(settings).createSigninRequest({ nonce });
  location.assign(url);
}

/** @param url at which the provider has returned. @throws Error if it did not sign the user in. */
export async function sessionAfterSignIn(
  url: string,
  settings: OpenIdSettings,
  id: string,
): Promise<Session> {
  return sessionOf(id, await clientFor(settings).processSigninResponse(url), settings);
}

/**
 * Renews the tokens of a session.
 * @returns the same session without a refresh token if the provider has ended it
 * @throws Error if the provider can't be reached
 */
export async function renewedSession(session: Session, openId: OpenIdSession): Promise<Session> {
  const { settings, refreshToken, idToken } = openId;
  const state: RefreshState = {
    refresh_token: refreshToken!, // without one, nothing is renewed
    id_token: idToken,
    session_state: null,
    profile: {} as RefreshState["profile"], // unused
  };
  try {
    const {
      id_token = idToken,
      refresh_token = refreshToken!,
      access_token,
    } = await clientFor(settings).useRefreshToken({
      state,
    });
    return sessionOf(session.id, { id_token, refresh_token, access_token }, settings);
  } catch (error) {
    if (error instanceof ErrorResponse) return { ...session, openId: { ...openId, refreshToken: undefined } };
    throw error;
  }
}

/** Ends the provider's session, and returns to the page. Does nothing if the provider has no address for that. */
export async function leaveForSignOut({ settings, idToken }: OpenIdSession): Promise<void> {
  if (settings.endpoints?.endSession === undefined) return;
  const { url } = await clientFor(settings).createSignoutRequest({ id_token_hint: idToken });
  location.assign(url);
}

function clientFor({ issuer, clientId, scope, endpoints }: OpenIdSettings): OidcClient {
  if (!endpoints) throw new Error("The server cannot reach the OpenID provider.");
  const { authorization, token, endSession } = endpoints;
  return new OidcClient({
    authority: issuer,
    client_id: clientId,
    scope,
    redirect_uri: SERVER_URL,
    post_logout_redirect_uri: SERVER_URL,
    metadata: {
      issuer,
      authorization_endpoint: authorization,
      token_endpoint: token,
      ...(endSession !== undefined && { end_session_endpoint: endSession }),
    },
    stateStore: new WebStorageStateStore({
      prefix: `tidemark.openid ${new URL(SERVER_URL).pathname} `,
      store: sessionStorage,
    }),
  });
}

interface Tokens {
  readonly access_token: string;
  readonly id_token?: string;
  readonly refresh_token?: string;
}

/** The lifetime is taken from the token, but counted by the clock of this device, which may be wrong. */
function sessionOf(id: string, tokens: Tokens, settings: OpenIdSettings): Session {
  const { id_token: idToken, refresh_token: refreshToken } = tokens;
  if (idToken === undefined) throw new Error("The OpenID provider sent no ID token.");
  const token = isForServer(tokens.access_token, settings) ? tokens.access_token : idToken;
  const { exp = 0, iat = exp } = claimsOf(token) ?? {};
  const [now, lifeMs] = [Date.now(), (exp - iat) * 1_000];
  const times = { renewAt: now + RENEWAL_SHARE * lifeMs, expiresAt: now + lifeMs };
  return { id, token, openId: { settings, idToken, refreshToken, ...times } };
}

/** How much of a token's lifetime passes before it is renewed. */
const RENEWAL_SHARE = 0.75;

/**
 * Whether the access token is a JSON Web Token for this server. Otherwise it is for the provider's own API, and the ID token,
 * whose audience is always the client, identifies the user.
 */
function isForServer(accessToken: string, { issuer, audience }: OpenIdSettings): boolean {
  const claims = claimsOf(accessToken);
  return claims?.iss === issuer && [claims.aud].flat().includes(audience);
}

interface Claims {
  readonly iss?: string;
  readonly aud?: string | readonly string[];
  readonly exp?: number;
  readonly iat?: number;
}

/** Without verification, which is up to the server. undefined for a token of another kind. */
function claimsOf(token: string): Claims | undefined {
  try {
    const payload = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    return JSON.parse(atob(payload)) as Claims; // safe: only compared
  } catch {
    return undefined;
  }
}
