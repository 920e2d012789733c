import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Header } from "./header.js";
import { Help } from "./help.js";
import type { JobLink } from "./address.js";
import { JobPage } from "./job/job-page.js";
import { JobSearch } from "./job/job-search.js";
import { Overview } from "./jobs/overview.js";
import { address, navigate } from "./location.js";
import { database, jobs } from "./page-state.js";
import { Instant } from "./parts/instant.js";
import { rowStep } from "./parts/row-keys.js";
import { announcement } from "./server/announcements.js";
import { databasesError } from "./server/databases.js";
import { needsToken, signInId } from "./server/session.js";
import { isShared } from "./server/shared-link.js";
import { EndedLink } from "./ended-link.js";
import { SignIn } from "./sign-in.js";
import { connectionStatus } from "./connection-status.js";

/** The page: the header, the view that the URL selects, and announcements for screen readers. */
export function Dashboard() {
  const isHelpOpen = useSignal(false);
  const openHelp = (): void => void (isHelpOpen.value = true);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => handleKey(event, openHelp);
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, []);
  return (
    <div class="app" data-connection={connectionStatus.value.kind}>
      <Header onHelp={openHelp} />
      <ConnectionNotice />
      <View />
      {isHelpOpen.value && <Help onClose={() => (isHelpOpen.value = false)} />}
      <div class="unseen" role="status" aria-live="polite">
        {announcement}
      </div>
    </div>
  );
}

function View() {
  const { job } = address();
  if (needsToken.value) return isShared ? <EndedLink /> : <SignIn />;
  if (job && database.value !== undefined) return <JobView database={database.value} address={job} />;
  if (jobs.value) return <Overview store={jobs.value} />;
  return (
    <main class="quiet-page">
      <h1 class="unseen">Tidemark</h1>
      <p>Connecting to the server…</p>
      {databasesError.value !== undefined && <p class="failure-text">{databasesError}</p>}
    </main>
  );
}

function JobView({ database: name, address: { username, jobId } }: { database: string; address: JobLink }) {
  if (username === undefined) return <JobSearch database={name} jobId={jobId} />;
  return <JobPage key={signInId.value} database={name} address={{ username, jobId }} />;
}

/** Why the page may be out of date. */
function ConnectionNotice() {
  const { value } = connectionStatus;
  if (value.kind === "stale")
    return (
      <p class="trouble">
        Connection lost at <Instant at={value.since.getTime()} />. The page shows the state at that time.
        Reconnecting…
      </p>
    );
  if (value.kind === "closed" && value.error)
    return (
      <p class="trouble" role="alert">
        {value.error.message}
      </p>
    );
  return null;
}

/** Handles the keys that work in every view, except while the user types. */
function handleKey(event: KeyboardEvent, openHelp: () => void): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target))
    return;
  switch (event.key) {
    case "/":
      document.getElementById("search")?.focus();
      break;
    case "?":
      openHelp();
      break;
    case "Escape":
      if (address().job && !isShared) navigate({ job: undefined });
      return;
    default:
      return passToRows(event);
  }
  event.preventDefault();
}

/** While no control has the focus, the first navigation key moves it into the rows. */
function passToRows(event: KeyboardEvent): void {
  const isUnfocused = document.activeElement === document.body || document.activeElement?.tagName === "H1";
  if (!isUnfocused || rowStep(event, 1) === undefined) return;
  const rows = document.querySelector<HTMLElement>("[role=grid], [role=treegrid]");
  rows?.dispatchEvent(new KeyboardEvent("keydown", { key: event.key, cancelable: true }));
  rows?.focus(); // afterwards: the focus alone would select the first row
  event.preventDefault();
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, select, textarea, dialog") !== null;
}
