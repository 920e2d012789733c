/** Requests to the server, and the session of the user who sends them. */
import { computed, signal } from "@preact/signals";
import { connect, TidemarkError, type ClientDocument } from "../../client/index.js";
import {
  onSharedSessionChanged,
  onSignedOutElsewhere,
  readSession,
  removeSession,
  writeSession,
  type Session,
} from "./session-store.js";
import { isShared, sharedToken } from "./shared-link.js";

/** The directory of the page, so that a path prefix works. */
export const SERVER_URL = new URL(".", document.baseURI).href;

/** A shared link takes precedence, for the page of its job. */
const session = signal(sharedToken === undefined ? readSession() : { id: "shared link", token: sharedToken });

/** undefined: nobody is signed in. */
export const token = computed(() => session.value?.token);

/** Identifies the sign-in. It stays the same when the token is renewed. */
export const signInId = computed(() => session.value?.id);

/** Whether the server requires a token, or rejected the current one. */
export const needsToken = signal(false);

/** Why the server rejected the token; undefined if there was none. */
export const rejection = signal<string | undefined>(undefined);

/** The sign-in whose token the server has accepted. A stored session was accepted when it was stored. */
let acceptedId = signInId.peek();

const connection = connect({ url: SERVER_URL, token: currentToken });

/** The token for a request or a connection; empty without one. */
export function currentToken(): string {
  return token.peek() ?? "";
}

/** @param isKept whether the session stays on this device for all tabs; else it ends with this tab */
export function signIn(given: string, isKept: boolean): void {
  const signedIn = { id: newId(), token: given };
  writeSession(signedIn, isKept);
  use(signedIn);
}

/** Ends the session in all tabs. */
export function signOut(): void {
  removeSession();
  use(undefined);
}

onSignedOutElsewhere(() => use(undefined));

/** A tab without a session of its own follows the others. */
onSharedSessionChanged(() => {
  const shared = readSession();
  if (shared?.token !== token.peek()) use(shared);
});

/** Without a session, the page asks for a token: the server required one for the session that ended. */
function use(next: Session | undefined): void {
  if (isShared) return; // its job is shown whoever is signed in
  session.value = next;
  rejection.value = undefined;
  needsToken.value = next === undefined;
}

/** Runs a query or a mutation. @throws TidemarkError */
export async function request<Data, Variables>(
  document: ClientDocument<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const id = signInId.peek();
  try {
    const data = await connection.request(document, variables);
    acceptedId = id;
    return data;
  } catch (error) {
    handleRequestError(error, id);
    throw error;
  }
}

/** Shows the sign-in form if the error that ended a request or a watch requires it. @param id the sign-in it was made with */
export function handleRequestError(error: unknown, id: string | undefined): void {
  if (!(error instanceof TidemarkError) || error.code !== "UNAUTHENTICATED" || id !== signInId.peek()) return;
  if (id !== undefined) rejection.value = acceptedId === id ? ENDED : INVALID;
  needsToken.value = true;
}

const ENDED = "Your session has ended. Sign in again to continue in this view.";
const INVALID = "Invalid or expired token. Enter another one.";

/** Whether a request was larger than the server accepts. */
export function isLimitExceeded(error: unknown): boolean {
  return error instanceof TidemarkError && error.code === "LIMIT_EXCEEDED";
}

/** Not a UUID: browsers create those only for pages with TLS. */
function newId(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}
