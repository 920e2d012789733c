import { useSignal } from "@preact/signals";
import { exactCount } from "../../format/numbers.js";
import { Instant } from "../parts/instant.js";
import type { JobLogEntry } from "./job-watch.js";

const LEVEL_WORDS = { DEBUG: "Debug", INFO: "Info", WARNING: "Warning", ERROR: "Error" } as const;

/** The worker's log, newest first, so that new lines are visible without scrolling. */
export function JobLog({ lines }: { readonly lines: readonly JobLogEntry[] }) {
  const isFiltered = useSignal(false);
  const serious = lines.filter(({ level }) => level === "WARNING" || level === "ERROR");
  const shown = isFiltered.value ? serious : lines;
  return (
    <section class="panel log" aria-labelledby="log-title">
      <header>
        <h2 id="log-title">Log</h2>
        <span class="count">{exactCount(lines.length)}</span>
        {serious.length > 0 && (
          <span class="panel-end">
            <button
              type="button"
              class="chip"
              aria-pressed={isFiltered.value}
              onClick={() => (isFiltered.value = !isFiltered.value)}
            >
              Warnings and errors <span class="count">{exactCount(serious.length)}</span>
            </button>
          </span>
        )}
      </header>
      {shown.length === 0 && <p class="hint">No log lines.</p>}
      <ol class="log-lines" tabIndex={0} aria-label="Log, newest first">
        {shown.map((line, index) => (
          <li key={`${lines.length - index} ${line.at}`} data-level={line.level}>
            <Instant at={line.at} />
            <span class="level">{LEVEL_WORDS[line.level]}</span>
            <bdi class="log-text">{line.message}</bdi>
          </li>
        ))}
      </ol>
    </section>
  );
}
