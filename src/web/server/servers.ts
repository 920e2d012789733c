/** The servers that the page may use: its own, and the peers that `/about` names. */
import { computed, signal } from "@preact/signals";
import { SERVER_URL } from "./server-url.js";

const OWN_URL = SERVER_URL.replace(/\/+$/, "");

/** Their addresses: the one in use, then the others. */
export const knownServers = signal<readonly string[]>([OWN_URL]);

/** The address of the server in use, unless it is the page's own. */
export const otherServer = computed(() => {
  const [url] = knownServers.value;
  return url === OWN_URL ? undefined : url;
});

export function addServers(urls: readonly string[]): void {
  knownServers.value = [...new Set([...knownServers.peek(), ...urls])];
}

/** Later requests and watches begin with the server to which a watch has moved. */
export function preferServer(url: string): void {
  knownServers.value = [...new Set([url, ...knownServers.peek()])];
}
