/** A session with an OpenID provider: the way there and back, and its renewal. Loads the client only when it is used. */
import { showView } from "../location.js";
import { SERVER_URL } from "./server-url.js";
import {
  isSharedByTabs,
  readSession,
  replaceSession,
  type OpenIdSettings,
  type Session,
} from "./session-store.js";

const loadClient = () => import("./openid-client.js");

const SERVER_PATH = new URL(SERVER_URL).pathname;

/** What the tab remembers while its user is at the provider. */
interface PendingSignIn {
  readonly settings: OpenIdSettings;
  readonly isKept: boolean;
  /** The query string of the view to return to. */
  readonly view: string;
}

const PENDING_KEY = `tidemark.signing-in ${SERVER_PATH}`;

/** Leaves the page. @throws Error if the browser or the server can't sign in this way now. */
export async function leaveForProvider(settings: OpenIdSettings, isKept: boolean): Promise<void> {
  const pending: PendingSignIn = { settings, isKept, view: location.search };
  sessionStorage.setItem(PENDING_KEY, JSON.stringify(pending));
  const { leaveForSignIn } = await loadClient();
  await leaveForSignIn(settings, newId());
}

/** Whether the page was opened by the provider's answer to a sign-in of this tab. */
export function isReturningFromProvider(): boolean {
  const answer = new URLSearchParams(location.search);
  const isAnswer = answer.has("state") && (answer.has("code") || answer.has("error"));
  return isAnswer && sessionStorage.getItem(PENDING_KEY) !== null;
}

/**
 * Replaces the provider's answer in the address by the view that the user left, and completes the sign-in.
 * @throws Error if the provider did not sign the user in.
 */
export async function returnFromProvider(): Promise<{ readonly session: Session; readonly isKept: boolean }> {
  const answer = location.href;
  const pending = JSON.parse(sessionStorage.getItem(PENDING_KEY)!) as PendingSignIn; // safe: written above
  sessionStorage.removeItem(PENDING_KEY);
  showView(pending.view);
  const { sessionAfterSignIn } = await loadClient();
  return { session: await sessionAfterSignIn(answer, pending.settings, newId()), isKept: pending.isKept };
}

/**
 * Renews a session, unless another tab just did: a provider that receives a refresh token twice ends the session.
 * @throws Error if the provider can't be reached.
 */
export async function renewOnce(session: Session): Promise<Session> {
  if (!isSharedByTabs()) return renewStored(session);
  return navigator.locks.request(`tidemark.renewal ${SERVER_PATH}`, async () => {
    await new Promise((resolve) => setTimeout(resolve, SETTLING_MS));
    return renewStored(session);
  });
}

/** What another tab has stored before it released the lock is visible after this time: tabs may be separate processes. */
const SETTLING_MS = 1_000;

async function renewStored(session: Session): Promise<Session> {
  const stored = readSession();
  if (stored?.id !== session.id || !stored.openId) return session; // signed out meanwhile
  if (stored.token !== session.token) return stored;
  const { renewedSession } = await loadClient();
  const renewed = await renewedSession(stored, stored.openId);
  if (readSession()?.id === session.id) replaceSession(renewed);
  return renewed;
}

/** Leaves the page to end the provider's session, and returns. */
export async function signOutOfProvider({ openId }: Session): Promise<void> {
  if (!openId) return;
  const { leaveForSignOut } = await loadClient();
  await leaveForSignOut(openId);
}

/** Unpredictable. Not a UUID: browsers create those only for pages with TLS. */
export function newId(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}
