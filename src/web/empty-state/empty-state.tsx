import { useSignal } from "@preact/signals";
import { navigate } from "../location.js";
import { copyText } from "../parts/copy-text.js";
import { Icon } from "../parts/icons.js";
import { serverInfo, startDemo } from "../server/about.js";
import { SERVER_URL } from "../server/server-url.js";
import { snippetsFor, type Snippet } from "./snippets.js";

/** The page of a database without jobs: how to report a first one. */
export function EmptyState({ database }: { readonly database: string }) {
  return (
    <main class="empty-state" data-scroller tabIndex={-1}>
      <div class="empty-state-column">
        <h1>No jobs yet</h1>
        <p class="lead">
          Report one and it appears here. Tidemark listens at <code>{SERVER_URL}</code>
        </p>
        {serverInfo.value?.tracking === false && (
          <p class="notice">This server does not store progress: it was started with --tracking off.</p>
        )}
        {serverInfo.value?.demo && <Demo />}
        {snippetsFor(SERVER_URL, database).map((snippet) => (
          <SnippetView key={snippet.title} snippet={snippet} />
        ))}
      </div>
    </main>
  );
}

function Demo() {
  const failure = useSignal("");
  const start = async (): Promise<void> => {
    try {
      const { database, username, jobId } = await startDemo();
      navigate({ database, job: { username, jobId } });
    } catch (error) {
      failure.value = error instanceof Error ? error.message : String(error);
    }
  };
  return (
    <div class="demo">
      <button type="button" class="primary" onClick={start}>
        <Icon shape="play" />
        Run a demo job
      </button>
      <span class="hint">on this server, takes about a minute</span>
      {failure.value && <p role="alert">{failure}</p>}
    </div>
  );
}

function SnippetView({ snippet: { title, text } }: { readonly snippet: Snippet }) {
  const isCopied = useSignal(false);
  const copy = async (): Promise<void> => {
    await copyText(text);
    isCopied.value = true;
  };
  return (
    <section class="snippet">
      <header>
        <h2>{title}</h2>
        <button type="button" onClick={copy} aria-label={`Copy: ${title}`}>
          <Icon shape={isCopied.value ? "check" : "copy"} />
          {isCopied.value ? "Copied" : "Copy"}
        </button>
      </header>
      <pre tabIndex={0} aria-label={title}>
        <code>{text}</code>
      </pre>
    </section>
  );
}
