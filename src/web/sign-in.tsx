import { serverInfo } from "./server/about.js";
import { isSigningIn, rejection, signIn, signInWithProvider } from "./server/session.js";
import type { OpenIdSettings } from "./server/session-store.js";

export function SignIn() {
  const openId = serverInfo.value?.openId;
  if (isSigningIn.value)
    return (
      <main class="quiet-page">
        <p>Signing in…</p>
      </main>
    );
  return (
    <main class="quiet-page">
      <div class="sign-in">
        <h1>Sign in</h1>
        {rejection.value !== undefined && (
          <p class="failure-text" role="alert">
            {rejection}
          </p>
        )}
        {openId ? (
          <>
            <ProviderForm settings={openId} />
            <details>
              <summary>Use a token instead</summary>
              <TokenForm />
            </details>
          </>
        ) : (
          <TokenForm />
        )}
      </div>
    </main>
  );
}

function ProviderForm({ settings }: { readonly settings: OpenIdSettings }) {
  const leave = (event: SubmitEvent): void => {
    event.preventDefault();
    void signInWithProvider(settings, isKept(event));
  };
  return (
    <form onSubmit={leave}>
      <p>Continue with your account at {new URL(settings.issuer).host}.</p>
      <KeepSignedIn />
      <button type="submit" class="primary" autofocus>
        Sign in
      </button>
    </form>
  );
}

function TokenForm() {
  return (
    <form onSubmit={submitToken}>
      {rejection.value === undefined && <p>This server requires a token.</p>}
      <label class="field">
        Token
        <input name="token" type="password" autocomplete="off" required autofocus />
      </label>
      <KeepSignedIn />
      <button type="submit" class="primary">
        Sign in
      </button>
    </form>
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

function submitToken(event: SubmitEvent): void {
  event.preventDefault();
  const given = fieldsOf(event).get("token");
  if (typeof given === "string" && given.trim()) signIn(given.trim(), isKept(event));
}

function isKept(event: SubmitEvent): boolean {
  return fieldsOf(event).has("keep");
}

function fieldsOf(event: SubmitEvent): FormData {
  return new FormData(event.currentTarget as HTMLFormElement); // safe: the form's own event
}
