/** What the server says of itself, and the demonstration job that it may run. */
import { signal } from "@preact/signals";
import { credentialsOf } from "../../client/token.js";
import type { JobAddress } from "../address.js";
import { SERVER_URL } from "../server-url.js";
import { token } from "./session.js";

export interface About {
  readonly version: string;
  /** Whether it keeps progress. */
  readonly tracking: boolean;
  /** Whether it has a demonstration job. */
  readonly demo: boolean;
}

/** undefined before the answer. */
export const about = signal<About | undefined>(undefined);

/** A server that does not answer is asked again when the page is loaded again; till then nothing is offered. */
export async function readAbout(): Promise<void> {
  try {
    const response = await fetch(new URL("about", SERVER_URL), { headers: { accept: "application/json" } });
    if (response.ok) about.value = (await response.json()) as About; // safe: the page is this server's
  } catch {
    return;
  }
}

export interface DemoJob extends JobAddress {
  readonly database: string;
}

/** Begins the demonstration job. @throws Error with the reason, for people */
export async function startDemo(): Promise<DemoJob> {
  const response = await fetch(new URL("demo", SERVER_URL), {
    method: "POST",
    headers: { "content-type": "application/json", ...credentialsOf(token.peek()) },
    body: "{}",
  });
  const answer = (await response.json()) as DemoJob & {
    readonly errors?: readonly { readonly message: string }[];
  };
  if (!response.ok) throw new Error(answer.errors?.[0]?.message ?? `The server answered ${response.status}.`);
  return answer;
}
