import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Header } from "./header.js";
import { Help } from "./help.js";
import { JobPage } from "./job/job-page.js";
import { Overview } from "./jobs/overview.js";
import { address, navigate } from "./location.js";
import { database, jobs } from "./page-state.js";
import { Instant } from "./parts/instant.js";
import { rowStep } from "./parts/row-keys.js";
import { announcement } from "./server/announcements.js";
import { needsToken } from "./server/session.js";
import { SignIn } from "./sign-in.js";
import { connectionStatus } from "./connection-status.js";

/** The page: the header, what the address says is seen, and what is told to who can't see it. */
export function Dashboard() {
  const isHelpOpen = useSignal(false);
  const openHelp = (): void => void (isHelpOpen.value = true);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => pressed(event, openHelp);
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, []);
  return (
    <div class="app" data-status={connectionStatus.value.kind}>
      <Header onHelp={openHelp} />
      <Trouble />
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
  if (needsToken.value) return <SignIn />;
  if (job && database.value !== undefined) return <JobPage database={database.value} address={job} />;
  if (jobs.value) return <Overview store={jobs.value} />;
  return (
    <main class="quiet-page">
      <h1 class="unseen">Tidemark</h1>
      <p>Looking for the server…</p>
    </main>
  );
}

/** Why what is seen may not be true. */
function Trouble() {
  const { value } = connectionStatus;
  if (value.kind === "stale")
    return (
      <p class="trouble">
        The connection was lost at <Instant at={value.since.getTime()} />. This is how it was then; trying
        again.
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

/** The keys that mean the same everywhere, unless somebody writes. */
function pressed(event: KeyboardEvent, openHelp: () => void): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTaken(event.target))
    return;
  switch (event.key) {
    case "/":
      document.getElementById("search")?.focus();
      break;
    case "?":
      openHelp();
      break;
    case "Escape":
      if (address().job) navigate({ job: undefined });
      return;
    default:
      return passToRows(event);
  }
  event.preventDefault();
}

/** Who is nowhere yet is in the rows with the first key that moves there. */
function passToRows(event: KeyboardEvent): void {
  const isNowhere = document.activeElement === document.body || document.activeElement?.tagName === "H1";
  if (!isNowhere || rowStep(event, 1) === undefined) return;
  const rows = document.querySelector<HTMLElement>("[role=grid], [role=treegrid]");
  rows?.dispatchEvent(new KeyboardEvent("keydown", { key: event.key, cancelable: true }));
  rows?.focus(); // afterwards: who is in no row yet would be led to the first one by that alone
  event.preventDefault();
}

function isTaken(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, select, textarea, dialog") !== null;
}
