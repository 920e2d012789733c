/** What the server says of itself, and the demonstration job that it may run. */
import { signal } from "@preact/signals";
import { authorizationOf } from "../../client/transport/endpoint.js";
import type { JobRef } from "../address.js";
import { SERVER_URL } from "../server-url.js";
import { token } from "./session.js";

export interface ServerInfo {
  readonly version: string;
  /** Whether it keeps progress. */
  readonly tracking: boolean;
  /** Whether it has a demonstration job. */
  readonly demo: boolean;
}

/** undefined before the answer. */
export const serverInfo = signal<ServerInfo | undefined>(undefined);

/** A server that does not answer is asked again when the page is loaded again; till then nothing is offered. */
export async function fetchServerInfo(): Promise<void> {
  try {
    const response = await fetch(new URL("about", SERVER_URL), { headers: { accept: "application/json" } });
    if (response.ok) serverInfo.value = (await response.json()) as ServerInfo; // safe: the page is this server's
  } catch {
    return;
  }
}

export interface StartedDemo extends JobRef {
  readonly database: string;
}

/** Begins the demonstration job. @throws Error with the reason, for people */
export async function startDemo(): Promise<StartedDemo> {
  const response = await fetch(new URL("demo", SERVER_URL), {
    method: "POST",
    headers: { "content-type": "application/json", ...authorizationOf(token.peek()) },
    body: "{}",
  });
  const answer = (await response.json()) as StartedDemo & {
    readonly errors?: readonly { readonly message: string }[];
  };
  if (!response.ok) throw new Error(answer.errors?.[0]?.message ?? `The server answered ${response.status}.`);
  return answer;
}
