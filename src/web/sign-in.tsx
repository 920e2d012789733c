import { refreshDatabases } from "./server/databases.js";
import { signIn, token } from "./server/session.js";

/** Asks for what proves who asks. It is kept for this tab only. */
export function SignIn() {
  return (
    <main class="quiet-page">
      <form class="sign-in" onSubmit={submit}>
        <h1>Who are you?</h1>
        <p>This server wants a token. It is kept in this tab, until you close it.</p>
        <label class="field">
          Token
          <input name="token" type="password" autocomplete="off" required autofocus />
        </label>
        {token.value !== undefined && (
          <p class="failure-text" role="alert">
            The server did not accept the token it was given.
          </p>
        )}
        <button type="submit" class="primary">
          Sign in
        </button>
      </form>
    </main>
  );
}

function submit(event: SubmitEvent): void {
  event.preventDefault();
  const given = new FormData(event.currentTarget as HTMLFormElement).get("token"); // safe: the form's own event
  if (typeof given !== "string" || !given.trim()) return;
  signIn(given.trim());
  refreshDatabases();
}
