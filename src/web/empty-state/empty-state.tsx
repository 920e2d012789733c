import { useSignal } from "@preact/signals";
import { Fragment } from "preact";
import { exactCount } from "../../format/numbers.js";
import { followLink, linkTo } from "../location.js";
import { copyText } from "../parts/copy-text.js";
import { DemoButton } from "../parts/demo-button.js";
import { Icon } from "../parts/icons.js";
import { Name } from "../parts/name.js";
import { serverInfo } from "../server/about.js";
import { databases } from "../server/databases.js";
import { SERVER_URL } from "../server/server-url.js";
import { token } from "../server/session.js";
import { snippetsFor, type Snippet } from "./snippets.js";

/** The page of a database without jobs: how to report a first one. */
export function EmptyState({ database }: { readonly database: string }) {
  const { user } = serverInfo.value ?? {};
  if (user?.role === "viewer") return <NoVisibleJobs user={user.username} database={database} />;
  return (
    <main class="empty-state" data-scroller tabIndex={-1}>
      <div class="empty-state-column">
        <h1>No jobs yet</h1>
        <p class="lead">
          Paste one of these, and its bar appears here, in the database <Name text={database} />.
        </p>
        <DemoButton />
        {user?.role === "reporter" && <p class="notice">{OWN_JOBS_ONLY}</p>}
        {serverInfo.value?.tracking === false && (
          <p class="notice">This server does not store progress: it was started with --tracking off.</p>
        )}
        <OtherDatabases />
        {token.value !== undefined && (
          <div class="notice">
            <p>
              This server requires a token. Set it first: <code>export TIDEMARK_TOKEN=…</code>
            </p>
          </div>
        )}
        {snippetsFor({ serverUrl: SERVER_URL, database, hasToken: token.value !== undefined }).map(
          (snippet) => (
            <SnippetView key={snippet.title} snippet={snippet} />
          ),
        )}
      </div>
    </main>
  );
}

const OWN_JOBS_ONLY = "You see only your own jobs, because your token does not have the role admin.";

/** A viewer can't report a job, and jobs of other users may be here. */
function NoVisibleJobs({ user, database }: { readonly user: string; readonly database: string }) {
  return (
    <main class="empty-state" data-scroller tabIndex={-1}>
      <div class="empty-state-column">
        <h1>No jobs that you can see</h1>
        <p class="lead">
          The database <Name text={database} /> has no job of <Name text={user} />. {OWN_JOBS_ONLY}
        </p>
        <OtherDatabases />
      </div>
    </main>
  );
}

/** A worker may report to another database than the one on screen. */
function OtherDatabases() {
  const busiest = databases.value?.toSorted((one, other) => other.running - one.running).slice(0, LINKS_MAX);
  if (!busiest?.length) return null;
  return (
    <div class="notice">
      <p>
        Jobs are in{" "}
        {busiest.map(({ name, running, total }, index) => (
          <Fragment key={name}>
            {index > 0 && ", "}
            <a
              class="link"
              href={linkTo({ database: name })}
              onClick={(event) => followLink(event, { database: name })}
            >
              <Name text={name} />
            </a>{" "}
            ({running > 0 ? `${exactCount(running)} running` : exactCount(total)})
          </Fragment>
        ))}
        .
      </p>
    </div>
  );
}

const LINKS_MAX = 3;

function SnippetView({ snippet: { title, install, text } }: { readonly snippet: Snippet }) {
  return (
    <section class="snippet">
      <h2>{title}</h2>
      {install !== undefined && <Code name={`Install: ${title}`} text={install} />}
      <Code name={title} text={text} />
    </section>
  );
}

function Code({ name, text }: { readonly name: string; readonly text: string }) {
  const isCopied = useSignal(false);
  const copy = async (): Promise<void> => {
    await copyText(text);
    isCopied.value = true;
  };
  return (
    <div class="code">
      <pre tabIndex={0} aria-label={name}>
        <code>{text}</code>
      </pre>
      <button type="button" onClick={copy} aria-label={`Copy: ${name}`}>
        <Icon shape={isCopied.value ? "check" : "copy"} />
        <span class="code-word">{isCopied.value ? "Copied" : "Copy"}</span>
      </button>
    </div>
  );
}
