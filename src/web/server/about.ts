/** The server's version, features and limits, and its demo job. */
import { computed, signal } from "@preact/signals";
import { authorizationOf } from "../../client/transport/endpoint.js";
import type { JobRef } from "../address.js";
import type { Limits } from "../../protocol/limits.js";
import { SERVER_URL } from "./server-url.js";
import { addServers, otherServer } from "./servers.js";
import { currentToken } from "./session.js";
import type { OpenIdSettings } from "./session-store.js";

export interface ServerInfo {
  readonly version: string;
  /** Whether it stores progress. */
  readonly tracking: boolean;
  /** Whether it offers a demo job. */
  readonly demo: boolean;
  /** Whether it serves GraphiQL. */
  readonly graphiql: boolean;
  /** The address at which people open the dashboard; null if the operator has not set it. */
  readonly publicUrl: string | null;
  /** The addresses of servers to which the page moves when this one fails. */
  readonly peerUrls: readonly string[];
  /** The user, if the server knows the token. */
  readonly user?: { readonly username: string; readonly role: "viewer" | "reporter" | "admin" };
  /** How to sign in with an OpenID provider; absent if there is none. */
  readonly openId?: OpenIdSettings;
  /** Without those that are off. */
  readonly limits: Partial<Limits>;
}

/** undefined until the server has answered. */
export const serverInfo = signal<ServerInfo | undefined>(undefined);

/** Where the page's own server shows GraphiQL; undefined if it does not, or while the page uses another server. */
export const graphiqlUrl = computed(() =>
  serverInfo.value?.graphiql && !otherServer.value ? new URL("graphql", SERVER_URL).href : undefined,
);

/** Whether a request for it has ended. Until then, the page does not know to which servers it may move. */
export const isServerAsked = signal(false);

/** Whether the user may change jobs of a user, as far as the page knows. The server decides. */
export function mayChangeJobsOf(username: string): boolean {
  const { user } = serverInfo.value ?? {};
  if (!user || user.role === "admin") return true;
  return user.role === "reporter" && user.username === username;
}

/** Resolves after the latest request. */
let fetched: Promise<void> | undefined;

/** If the request fails, the page keeps the information that it has. */
export function fetchServerInfo(): Promise<void> {
  fetched = read();
  return fetched;
}

/** The most items that one request may list, at most `wanted`. @param limit bounds the items of this kind */
export async function pageSizeFor(wanted: number, limit: keyof Limits): Promise<number> {
  await fetched;
  const { [limit]: most, itemsPerAnswerMax, queryCostMax = Infinity } = serverInfo.peek()?.limits ?? {};
  const sizes = [wanted, most, itemsPerAnswerMax, Math.floor(queryCostMax / FIELDS_PER_ITEM)];
  return Math.max(1, Math.min(...sizes.map((size) => size ?? Infinity)));
}

/** More than an item of any query of the page has. */
const FIELDS_PER_ITEM = 10;

async function read(): Promise<void> {
  try {
    const response = await fetch(new URL("about", SERVER_URL), {
      headers: { accept: "application/json", ...authorizationOf(await currentToken()) },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!response.ok) return;
    const info = (await response.json()) as ServerInfo; // safe: the page is this server's
    addServers(info.peerUrls);
    serverInfo.value = info;
  } catch {
    return;
  } finally {
    isServerAsked.value = true;
  }
}

const TIMEOUT_MS = 5_000;

export interface StartedDemo extends JobRef {
  readonly database: string;
}

/** Starts the demo job. @throws Error with a message to show */
export async function startDemo(): Promise<StartedDemo> {
  const headers = { "content-type": "application/json", ...authorizationOf(await currentToken()) };
  const response = await fetch(new URL("demo", SERVER_URL), { method: "POST", headers, body: "{}" }).catch(
    () => {
      throw new Error(`The server at ${SERVER_URL} does not answer, and only that one starts the demo job.`);
    },
  );
  const answer = (await response.json()) as StartedDemo & {
    readonly errors?: readonly { readonly message: string }[];
  };
  if (!response.ok)
    throw new Error(answer.errors?.[0]?.message ?? `The server responded with status ${response.status}.`);
  return answer;
}
