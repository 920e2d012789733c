/** Requests to the server, and the session of the user who sends them. */
import { computed, effect, signal } from "@preact/signals";
import { connect, TidemarkError, type ClientDocument } from "../../client/index.js";
import {
  isReturningFromProvider,
  leaveForProvider,
  newId,
  renewOnce,
  returnFromProvider,
  signOutOfProvider,
} from "./openid-session.js";
import { knownServers } from "./servers.js";
import {
  onSharedSessionChanged,
  onSignedOutElsewhere,
  readSession,
  removeSession,
  writeSession,
  type OpenIdSettings,
  type Session,
} from "./session-store.js";
import { isShared, sharedToken } from "./shared-link.js";

/** A shared link takes precedence, for the page of its job. */
const session = signal(sharedToken === undefined ? readSession() : { id: "shared link", token: sharedToken });

/** undefined: no user is signed in. */
export const token = computed(() => session.value?.token);

/** Identifies the sign-in. It stays the same when the token is renewed. */
export const signInId = computed(() => session.value?.id);

/** Whether the server requires a token, or rejected the current one. */
export const needsToken = signal(false);

/** Why the user has to sign in again; undefined if there is no reason. */
export const rejection = signal<string | undefined>(undefined);

/** Whether the page completes a sign-in with an OpenID provider. */
export const isSigningIn = signal(false);

/** The sign-in whose token the server has accepted. A stored session was accepted when it was stored. */
let acceptedId = signInId.peek();

const connection = computed(() => connect({ url: knownServers.value, token: currentToken }));

/**
 * The token for a request or a connection; empty without one.
 * @throws TidemarkError UNAVAILABLE if it has expired and can't be renewed now
 */
export async function currentToken(): Promise<string> {
  const { openId } = session.peek() ?? {};
  if (openId?.refreshToken !== undefined && Date.now() >= openId.expiresAt) await renew();
  return token.peek() ?? "";
}

/** @param isKept whether the session stays on this device for all tabs; else it ends with this tab */
export function signIn(given: string, isKept: boolean): void {
  begin({ id: newId(), token: given }, isKept);
}

/** Leaves the page for an OpenID provider. */
export async function signInWithProvider(settings: OpenIdSettings, isKept: boolean): Promise<void> {
  rejection.value = undefined;
  await leaveForProvider(settings, isKept).catch(signInFailed);
}

/** Ends the session in all tabs, and at its provider. */
export async function signOut(): Promise<void> {
  const ended = session.peek();
  removeSession();
  use(undefined);
  if (ended) await signOutOfProvider(ended).catch(signInFailed);
}

if (isReturningFromProvider()) void completeSignIn();

async function completeSignIn(): Promise<void> {
  needsToken.value = true;
  isSigningIn.value = true;
  try {
    const { session: next, isKept } = await returnFromProvider();
    begin(next, isKept);
  } catch (error) {
    signInFailed(error);
  }
  isSigningIn.value = false;
}

function signInFailed(error: unknown): void {
  rejection.value = `The OpenID provider did not complete this: ${error instanceof Error ? error.message : error}`;
}

onSignedOutElsewhere(() => use(undefined));

/** A tab without a session of its own follows the others. */
onSharedSessionChanged(() => {
  const shared = readSession();
  if (shared?.token !== token.peek()) use(shared);
});

function begin(next: Session, isKept: boolean): void {
  writeSession(next, isKept);
  use(next);
}

/** Without a session, the page asks for a token: the server required one for the session that ended. */
function use(next: Session | undefined): void {
  if (isShared) return; // its job is shown whoever is signed in
  session.value = next;
  rejection.value = undefined;
  needsToken.value = next === undefined;
}

let renewalTimer: ReturnType<typeof setTimeout> | undefined;

effect(() => {
  const { openId } = session.value ?? {};
  clearTimeout(renewalTimer);
  if (openId?.refreshToken !== undefined) renewIn(openId.renewAt - Date.now());
});

function renewIn(delayMs: number): void {
  const boundedMs = Math.min(Math.max(delayMs, RENEWAL_PAUSE_MS), DELAY_MAX_MS);
  renewalTimer = setTimeout(() => void renew().catch(() => renewIn(RETRY_MS)), boundedMs);
}

/** The least time between two renewals, whatever lifetime the provider gives to its tokens. */
const RENEWAL_PAUSE_MS = 500;
const RETRY_MS = 10_000;
/** The longest delay of a timer. */
const DELAY_MAX_MS = 2 ** 31 - 1;

let renewing: Promise<void> | undefined;

/** @throws TidemarkError UNAVAILABLE */
function renew(): Promise<void> {
  renewing ??= replaceToken().finally(() => (renewing = undefined));
  return renewing;
}

async function replaceToken(): Promise<void> {
  const before = session.peek();
  if (!before) return;
  try {
    const renewed = await renewOnce(before);
    if (session.peek() === before) session.value = renewed;
  } catch (cause) {
    throw new TidemarkError(
      "UNAVAILABLE",
      "The OpenID provider does not answer, so the session cannot be renewed.",
      {
        cause,
      },
    );
  }
}

/** Runs a query or a mutation. @throws TidemarkError */
export async function request<Data, Variables>(
  document: ClientDocument<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const id = signInId.peek();
  try {
    const data = await connection.peek().request(document, variables);
    acceptedId = id;
    return data;
  } catch (error) {
    handleRequestError(error, id);
    throw error;
  }
}

/**
 * Shows the sign-in form if the error that ended a request or a watch requires it.
 * @param id the sign-in that it was made with
 */
export function handleRequestError(error: unknown, id: string | undefined): void {
  if (!(error instanceof TidemarkError) || id !== signInId.peek()) return;
  const isNew = id !== acceptedId;
  const grantsNothing = isNew && error.code === "FORBIDDEN";
  if (error.code !== "UNAUTHENTICATED" && !grantsNothing) return;
  if (id !== undefined) rejection.value = isNew ? (grantsNothing ? error.message : INVALID) : ENDED;
  needsToken.value = true;
}

const ENDED = "Your session has ended. Sign in again to continue in this view.";
const INVALID = "Invalid or expired token. Enter another one.";

/** Whether a request was larger than the server accepts. */
export function isLimitExceeded(error: unknown): boolean {
  return error instanceof TidemarkError && error.code === "LIMIT_EXCEEDED";
}
