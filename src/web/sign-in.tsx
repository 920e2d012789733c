import { rejection, signIn } from "./server/session.js";

export function SignIn() {
  return (
    <main class="quiet-page">
      <form class="sign-in" onSubmit={submit}>
        <h1>Sign in</h1>
        <p>This server requires a token.</p>
        <label class="field">
          Token
          <input name="token" type="password" autocomplete="off" required autofocus />
        </label>
        {rejection.value !== undefined && (
          <p class="failure-text" role="alert">
            {rejection}
          </p>
        )}
        <KeepSignedIn />
        <button type="submit" class="primary">
          Sign in
        </button>
      </form>
    </main>
  );
}

function KeepSignedIn() {
  return (
    <label class="choice" title="Otherwise you are signed out when you close this tab.">
      <input name="keep" type="checkbox" />
      Keep me signed in on this device
    </label>
  );
}

function submit(event: SubmitEvent): void {
  event.preventDefault();
  const fields = new FormData(event.currentTarget as HTMLFormElement); // safe: the form's own event
  const given = fields.get("token");
  if (typeof given === "string" && given.trim()) signIn(given.trim(), fields.has("keep"));
}
