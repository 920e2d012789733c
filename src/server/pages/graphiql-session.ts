/**
 * An inline script that signs GraphiQL in with the session of the dashboard (src/web/server/session-store.ts).
 *
 * It adds the token to each request, so that queries and server-sent events need no header typed by hand. When the user
 * signs out, it ends the subscriptions. When a token is missing or rejected, it shows a link to the dashboard, and it
 * reloads the page as soon as the user has signed in there.
 */
export const GRAPHIQL_SESSION_SCRIPT = `
  (() => {
    const KEY = "tidemark.session " + new URL(".", location.href).pathname;
    const send = window.fetch;
    let session = new AbortController();
    let notice;

    function token() {
      for (const storage of [sessionStorage, localStorage]) {
        try {
          const entry = JSON.parse(storage.getItem(KEY));
          if (entry?.token) return entry.token;
        } catch {}
      }
    }

    window.fetch = async (target, options = {}) => {
      const headers = new Headers(options.headers);
      const current = token();
      if (current && !headers.has("authorization")) headers.set("authorization", "Bearer " + current);
      const signal = AbortSignal.any([session.signal, ...(options.signal ? [options.signal] : [])]);
      const response = await send(target, { ...options, headers, signal });
      if (response.status === 401) showNotice();
      return response;
    };

    function showNotice() {
      if (notice) return;
      notice = document.createElement("p");
      notice.setAttribute("role", "alert");
      notice.style.cssText =
        "position: fixed; z-index: 100; inset: 0 0 auto; margin: 0; padding: 8px; text-align: center;" +
        "font: 15px system-ui, sans-serif; color: #1f2328; background: #fff3c4; border-bottom: 1px solid #d4a72c";
      const link = document.createElement("a");
      link.href = "./";
      link.textContent = "Sign in at the dashboard";
      const hint = 'Then return to this page. Or set {"authorization": "Bearer …"} in the tab Headers.';
      notice.append("You are not signed in, or your session has ended. ", link, ". " + hint);
      document.body.append(notice);
    }

    function signedIn() {
      if (notice && token()) location.reload();
    }

    function signedOut() {
      sessionStorage.removeItem(KEY);
      session.abort(new Error("Signed out."));
      session = new AbortController();
      showNotice();
    }

    new BroadcastChannel(KEY).addEventListener("message", signedOut);
    addEventListener("pageshow", signedIn);
    addEventListener("storage", ({ key }) => {
      if (key === KEY && token()) signedIn();
      else if (key === KEY || key === null) signedOut();
    });
  })();
`;
