import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { exactCount } from "../format/numbers.js";
import { NEWEST_FIRST, type Address } from "./address.js";
import { DISPLAY_STATUS_LABELS, type DisplayStatus } from "../format/display-status.js";
import { followLink, linkTo } from "./location.js";
import { database } from "./page-state.js";
import { Icon, Logo } from "./parts/icons.js";
import { Name } from "./parts/name.js";
import { databases, refreshDatabases, type DatabaseCounts } from "./server/databases.js";
import { needsToken, signOut, token } from "./server/session.js";
import { isShared, leaveSharedLink } from "./server/shared-link.js";
import { graphiqlUrl, serverInfo } from "./server/about.js";
import { otherServer } from "./server/servers.js";
import { connectionStatus, connectionLabel } from "./connection-status.js";
import { nextTheme, theme } from "./theme.js";

/** The bar at the top: the database, the connection status and the settings of the page. */
export function Header({ onHelp }: { readonly onHelp: () => void }) {
  return (
    <header class="header">
      {isShared ? <SharedBrand /> : <Navigation />}
      <div class="header-end">
        {!needsToken.value && <Connection />}
        {graphiqlUrl.value && !isShared && (
          <a class="header-link" href={graphiqlUrl.value} title="Try the GraphQL API in GraphiQL">
            GraphiQL
          </a>
        )}
        <ThemeSwitch />
        <button type="button" class="icon-button" aria-label="Help" title="Help (?)" onClick={onHelp}>
          ?
        </button>
        <SessionButton />
      </div>
    </header>
  );
}

function Navigation() {
  return (
    <>
      <a class="brand" href={linkTo({ ...UNFILTERED })} onClick={(event) => followLink(event, UNFILTERED)}>
        <Logo />
        <span>Tidemark</span>
      </a>
      <DatabasePicker />
    </>
  );
}

/** Leads nowhere: a shared link shows one job. */
function SharedBrand() {
  return (
    <span class="brand">
      <Logo />
      <span>Tidemark</span>
    </span>
  );
}

function SessionButton() {
  // A provider's user must be able to sign out to become another one.
  const isOffered = !needsToken.value || (!isShared && serverInfo.value?.openId !== undefined);
  if (token.value === undefined || !isOffered) return null;
  const { user } = serverInfo.value ?? {};
  return (
    <>
      {user && !isShared && (
        <span class="signed-in" title="You are signed in with this name and role">
          <Name text={user.username} /> ({user.role})
        </span>
      )}
      <button type="button" class="quiet" onClick={() => void (isShared ? leaveSharedLink() : signOut())}>
        {isShared ? "Sign in" : "Sign out"}
      </button>
    </>
  );
}

const UNFILTERED = {
  user: undefined,
  statuses: [],
  search: "",
  sort: NEWEST_FIRST,
  job: undefined,
} as const satisfies Partial<Address>;

function Connection() {
  const { kind } = connectionStatus.value;
  const cause = "cause" in connectionStatus.value ? connectionStatus.value.cause : undefined;
  const error = connectionStatus.value.kind === "closed" ? connectionStatus.value.error : cause;
  return (
    <span class="connection" data-kind={kind} title={error instanceof Error ? error.message : undefined}>
      <span class="connection-dot" aria-hidden="true" />
      {connectionLabel}
      {otherServer.value && (
        <span class="connection-server" title={otherServer}>
          Using {otherServer}
        </span>
      )}
    </span>
  );
}

const THEME_SHAPES = { system: "half", light: "sun", dark: "moon" } as const;

function ThemeSwitch() {
  const name = `Theme: ${theme.value}`;
  return (
    <button type="button" class="icon-button" aria-label={name} title={name} onClick={nextTheme}>
      <Icon shape={THEME_SHAPES[theme.value]} />
    </button>
  );
}

/** A menu of the databases with their job counts, labelled with the current one. */
function DatabasePicker() {
  const isOpen = useSignal(false);
  const picker = useRef<HTMLDivElement>(null);
  const close = (): void => void (isOpen.value = false);
  // Before the menu is painted: a key that is pressed at once must not act on the page.
  useLayoutEffect(() => {
    const element = picker.current!; // drawn by now
    if (!isOpen.value) return undefined;
    refreshDatabases();
    element.querySelector<HTMLElement>("[aria-current], a")?.focus();
    const listening = new AbortController();
    const onPointer = (event: PointerEvent): void => {
      if (!element.contains(event.target as Node)) close(); // safe: pointers are on nodes
    };
    addEventListener("pointerdown", onPointer, listening);
    element.addEventListener("keydown", (event) => onPickerKey(event, element, close), listening);
    return () => listening.abort();
  }, [isOpen.value]);

  return (
    <div ref={picker} class="picker">
      <button
        type="button"
        class="picker-button"
        aria-expanded={isOpen.value}
        aria-controls="databases"
        onClick={() => (isOpen.value = !isOpen.value)}
      >
        <Icon shape="database" />
        <span class="unseen">Database</span>
        <Name text={database.value ?? "…"} />
        <RunningElsewhere />
        <Icon shape="chevronDown" />
      </button>
      {isOpen.value && (
        <nav id="databases" class="picker-list" aria-label="Databases">
          {databases.value?.map((counts) => (
            <DatabaseLink key={counts.name} counts={counts} onFollow={close} />
          ))}
          {!databases.value?.length && <p class="hint">No database has jobs yet.</p>}
        </nav>
      )}
    </div>
  );
}

/** A user may be looking at another database than the one that a worker reports to. */
function RunningElsewhere() {
  const others = databases.value?.filter(({ name }) => name !== database.value) ?? [];
  const count = others.reduce((sum, { running }) => sum + running, 0);
  if (count === 0) return null;
  return (
    <span class="picker-elsewhere" title={`Running in other databases: ${exactCount(count)}`}>
      +{exactCount(count)}
      <span class="picker-elsewhere-words"> running elsewhere</span>
    </span>
  );
}

function DatabaseLink({
  counts,
  onFollow,
}: {
  readonly counts: DatabaseCounts;
  readonly onFollow: () => void;
}) {
  const target = { ...UNFILTERED, database: counts.name };
  return (
    <a
      href={linkTo(target)}
      aria-current={counts.name === database.value ? "true" : undefined}
      onClick={(event) => {
        followLink(event, target);
        onFollow();
      }}
    >
      <Name text={counts.name} />
      <span class="picker-counts">
        <Count status="FAILED" count={counts.failed} />
        <Count status="RUNNING" count={counts.running} />
        <Count status="PENDING" count={counts.pending} />
        <Count status="FINISHED" count={counts.finished} />
        <Count status="CANCELED" count={counts.canceled} />
        <span class="picker-total" title={counts.unavailable ?? undefined}>
          {counts.unavailable ? "unavailable" : exactCount(counts.total)}
        </span>
      </span>
    </a>
  );
}

function Count({ status, count }: { readonly status: DisplayStatus; readonly count: number }) {
  if (count === 0) return <span class="picker-none" />;
  const word = DISPLAY_STATUS_LABELS[status];
  return (
    <span class="status" data-status={status} title={`${word}: ${exactCount(count)}`}>
      <Icon shape={status} />
      <span class="unseen">{word}</span>
      {exactCount(count)}
    </span>
  );
}

/** Arrow keys move through the databases; Escape closes the menu. */
function onPickerKey(event: KeyboardEvent, picker: HTMLElement, close: () => void): void {
  if (event.key === "Escape") {
    close();
    picker.querySelector("button")!.focus();
  } else if (event.key === "ArrowDown") moveFocus(picker, 1);
  else if (event.key === "ArrowUp") moveFocus(picker, -1);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function moveFocus(picker: HTMLElement, by: number): void {
  const links = [...picker.querySelectorAll("a")];
  const index = links.findIndex((link) => link === document.activeElement);
  links[(index + by + links.length) % links.length]?.focus();
}
