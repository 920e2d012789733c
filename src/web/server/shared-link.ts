/**
 * A link to a shared job has a token in its fragment, which browsers send to no server. This module takes it out of the
 * address before anything else reads it, and keeps it for this job in this tab only. So it replaces no sign-in: other
 * pages of the tab, and other tabs, use the session of the user.
 */
import { parseAddress } from "../address.js";

/** The token of the link that this page was opened by; undefined for other pages. */
export const sharedToken: string | undefined = readSharedToken();

/** Whether the page shows a shared job, which its viewer can only read. */
export const isShared = sharedToken !== undefined;

/** Shows the job with the session of the user instead. */
export function leaveSharedLink(): void {
  sessionStorage.removeItem(keyOf(location.search));
  location.reload();
}

/** A link to the job that is open already changes only the fragment. */
addEventListener("hashchange", () => {
  if (tokenInAddress() !== undefined) location.reload();
});

function readSharedToken(): string | undefined {
  const { database, job } = parseAddress(location.search);
  const given = tokenInAddress();
  if (given !== undefined) history.replaceState(null, "", location.pathname + location.search);
  if (database === undefined || job === undefined) return undefined;
  const key = keyOf(location.search);
  if (given !== undefined) sessionStorage.setItem(key, given);
  return sessionStorage.getItem(key) ?? undefined;
}

function tokenInAddress(): string | undefined {
  return new URLSearchParams(location.hash.slice(1)).get("token") ?? undefined;
}

/** Contains the path, because another Tidemark may be at the same origin under another prefix. */
function keyOf(search: string): string {
  return `tidemark.shared ${location.pathname}${search}`;
}
