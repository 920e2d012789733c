/** The server's version and features, and its demo job. */
import { signal } from "@preact/signals";
import { authorizationOf } from "../../client/transport/endpoint.js";
import type { JobRef } from "../address.js";
import { SERVER_URL, token } from "./session.js";

export interface ServerInfo {
  readonly version: string;
  /** Whether it stores progress. */
  readonly tracking: boolean;
  /** Whether it offers a demo job. */
  readonly demo: boolean;
}

/** undefined until the server has answered. */
export const serverInfo = signal<ServerInfo | undefined>(undefined);

/** If the request fails, the page lacks this information until it is reloaded. */
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

/** Starts the demo job. @throws Error with a message to show */
export async function startDemo(): Promise<StartedDemo> {
  const response = await fetch(new URL("demo", SERVER_URL), {
    method: "POST",
    headers: { "content-type": "application/json", ...authorizationOf(token.peek()) },
    body: "{}",
  });
  const answer = (await response.json()) as StartedDemo & {
    readonly errors?: readonly { readonly message: string }[];
  };
  if (!response.ok)
    throw new Error(answer.errors?.[0]?.message ?? `The server responded with status ${response.status}.`);
  return answer;
}
