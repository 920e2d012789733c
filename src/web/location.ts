/** The page's address: what it says is seen, and what is to be seen is written there. */
import { signal } from "@preact/signals";
import { formatAddress, parseAddress, type Address } from "./address.js";

const current = signal(parseAddress(location.search));

/** What is to be seen now. */
export function address(): Address {
  return current.value;
}

/** A link to the same with a change, for an `href`. */
export function linkTo(change: Partial<Address>): string {
  return location.pathname + formatAddress({ ...current.value, ...change });
}

/** Goes there, so that the way back leads here. */
export function navigate(change: Partial<Address>): void {
  history.pushState(null, "", linkTo(change));
  read();
}

/** Goes there in the place of what is shown now: for what changes while somebody types. */
export function replaceAddress(change: Partial<Address>): void {
  history.replaceState(null, "", linkTo(change));
  read();
}

function read(): void {
  current.value = parseAddress(location.search);
}

addEventListener("popstate", read);
