/**
 * The server, and what proves to it who asks: a token that is asked for once and kept for as long as the tab is there.
 */
import { computed, signal } from "@preact/signals";
import { connect, TidemarkError, type ClientDocument } from "../../client/index.js";
import { SERVER_URL } from "../server-url.js";

const KEY = "tidemark.token";

/** undefined where none was given. */
export const token = signal(sessionStorage.getItem(KEY) ?? undefined);

/** Whether the server wants to know who asks, and has not been told, or does not believe it. */
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

/** Asks a query or a mutation. @throws TidemarkError */
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

/** To be called with what ended a request or a watch. */
export function handleRequestError(error: unknown): void {
  if (error instanceof TidemarkError && error.code === "UNAUTHENTICATED") needsToken.value = true;
}
