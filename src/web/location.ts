/** The current view, kept in the page's URL. */
import { signal } from "@preact/signals";
import { formatAddress, parseAddress, type Address } from "./address.js";

const current = signal(parseAddress(location.search));

export function address(): Address {
  return current.value;
}

/** An `href` for the current view with a change. */
export function linkTo(change: Partial<Address>): string {
  return location.pathname + formatAddress({ ...current.value, ...change });
}

/** Changes the view and adds an entry to the browser's history. */
export function navigate(change: Partial<Address>): void {
  history.pushState(null, "", linkTo(change));
  read();
}

/** Follows a link of `linkTo` without a new page, unless the user wants a new tab. */
export function followLink(event: MouseEvent, change: Partial<Address>): void {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  navigate(change);
}

/** Changes the view without a history entry, for example while the user types. */
export function replaceAddress(change: Partial<Address>): void {
  history.replaceState(null, "", linkTo(change));
  read();
}

/** Changes the view to the one of a query string, without a history entry. */
export function showView(query: string): void {
  history.replaceState(null, "", location.pathname + query);
  read();
}

function read(): void {
  current.value = parseAddress(location.search);
}

addEventListener("popstate", read);
