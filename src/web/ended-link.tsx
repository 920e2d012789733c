import { leaveSharedLink } from "./server/shared-link.js";

/** Replaces a shared job whose link the server rejects. */
export function EndedLink() {
  return (
    <main class="quiet-page">
      <h1>This link no longer works</h1>
      <p>It has expired, was revoked, or is incomplete. Ask the person who sent it for a new one.</p>
      <p>
        <button type="button" onClick={leaveSharedLink}>
          Sign in instead
        </button>
      </p>
    </main>
  );
}
