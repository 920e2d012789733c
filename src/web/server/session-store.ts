/**
 * Where the browser keeps the session of its user: until the tab is closed, or on this device for all tabs.
 *
 * GraphiQL reads the same entries (src/server/pages/graphiql-session.ts). Their key contains the path of the server,
 * because another Tidemark may be at the same origin under another prefix.
 */
import { SERVER_URL } from "./server-url.js";

export interface Session {
  /** The same for all tokens of one sign-in. */
  readonly id: string;
  /** What requests send. */
  readonly token: string;
  /** After a sign-in with an OpenID provider. */
  readonly openId?: OpenIdSession;
}

export interface OpenIdSession {
  readonly settings: OpenIdSettings;
  /** Tells the provider whose session to end. */
  readonly idToken: string;
  /** Renews the session, once. undefined: the session ends with its token. */
  readonly refreshToken: string | undefined;
  /** By the clock of this device, in milliseconds since 1970. */
  readonly renewAt: number;
  readonly expiresAt: number;
}

/** How to sign in with an OpenID provider, as `/about` says it. */
export interface OpenIdSettings {
  readonly issuer: string;
  readonly clientId: string;
  readonly scope: string;
  /** The audience that the server expects of a token. */
  readonly audience: string;
  /** Absent while the server cannot reach the provider. */
  readonly endpoints?: {
    readonly authorization: string;
    readonly token: string;
    readonly endSession?: string;
  };
}

const KEY = `tidemark.session ${new URL(SERVER_URL).pathname}`;

/** A session of this tab takes precedence over the one that all tabs share. */
export function readSession(): Session | undefined {
  return parseSession(sessionStorage.getItem(KEY)) ?? parseSession(localStorage.getItem(KEY));
}

/** @param isKept whether the session stays on this device for all tabs; else it ends with this tab */
export function writeSession(session: Session, isKept: boolean): void {
  sessionStorage.removeItem(KEY);
  (isKept ? localStorage : sessionStorage).setItem(KEY, JSON.stringify(session));
}

/** Whether the session is the one that all tabs share. */
export function isSharedByTabs(): boolean {
  return sessionStorage.getItem(KEY) === null;
}

/** Replaces a session where it is kept. */
export function replaceSession(session: Session): void {
  writeSession(session, isSharedByTabs());
}

/** Removes the session of this tab and the one that all tabs share, and ends it in the other tabs. */
export function removeSession(): void {
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(KEY);
  // eslint-disable-next-line unicorn/require-post-message-target-origin -- a channel has no target origin
  signOuts.postMessage("signed out");
}

/** Calls back when another tab changes the session that all tabs share. */
export function onSharedSessionChanged(listener: () => void): void {
  addEventListener("storage", ({ key, storageArea }) => {
    if (storageArea === localStorage && (key === KEY || key === null)) listener();
  });
}

/** Calls back when the user has signed out in another tab; the entries of this tab are removed by then. */
export function onSignedOutElsewhere(listener: () => void): void {
  signOuts.addEventListener("message", () => {
    sessionStorage.removeItem(KEY);
    listener();
  });
}

const signOuts = new BroadcastChannel(KEY);

/** Ignores entries of another version. */
function parseSession(text: string | null): Session | undefined {
  try {
    const entry = JSON.parse(text ?? "null") as Session | null; // safe: checked below
    return typeof entry?.token === "string" ? entry : undefined;
  } catch {
    return undefined;
  }
}
