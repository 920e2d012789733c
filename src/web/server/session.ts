/** Requests to the server, and the user's token, which is kept until the tab is closed. */
import { computed, signal } from "@preact/signals";
import { connect, TidemarkError, type ClientDocument } from "../../client/index.js";
import { sharedToken } from "./shared-link.js";

/** The directory of the page, so that a path prefix works. */
export const SERVER_URL = new URL(".", document.baseURI).href;

const KEY = "tidemark.token";

/** The token of a shared link takes precedence, for the page of its job. */
export const token = signal(sharedToken ?? sessionStorage.getItem(KEY) ?? undefined);

/** Whether the server requires a token, or rejected the current one. */
export const needsToken = signal(false);

const connection = computed(() => connect({ url: SERVER_URL, token: token.value }));

export function signIn(given: string): void {
  sessionStorage.setItem(KEY, given);
  needsToken.value = false;
  token.value = given;
}

export function signOut(): void {
  sessionStorage.removeItem(KEY);
  token.value = undefined;
}

/** Runs a query or a mutation. @throws TidemarkError */
export async function request<Data, Variables>(
  document: ClientDocument<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  try {
    return await connection.peek().request(document, variables);
  } catch (error) {
    handleRequestError(error);
    throw error;
  }
}

/** Shows the sign-in form if the error that ended a request or a watch requires it. */
export function handleRequestError(error: unknown): void {
  if (error instanceof TidemarkError && error.code === "UNAUTHENTICATED") needsToken.value = true;
}

/** Whether a request was larger than the server accepts. */
export function isLimitExceeded(error: unknown): boolean {
  return error instanceof TidemarkError && error.code === "LIMIT_EXCEEDED";
}
