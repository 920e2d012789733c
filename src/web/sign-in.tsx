import { refreshDatabases } from "./server/databases.js";
import { signIn, token } from "./server/session.js";

export function SignIn() {
  return (
    <main class="quiet-page">
      <form class="sign-in" onSubmit={submit}>
        <h1>Sign in</h1>
        <p>This server requires a token. The token is kept until you close this tab.</p>
        <label class="field">
          Token
          <input name="token" type="password" autocomplete="off" required autofocus />
        </label>
        {token.value !== undefined && (
          <p class="failure-text" role="alert">
            Invalid or expired token. Enter another one.
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
