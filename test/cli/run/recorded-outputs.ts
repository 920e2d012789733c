/** Reads recorded and generated outputs of programs. */
import { readFileSync } from "node:fs";
import { LastLines } from "../../../src/cli/run/last-lines.js";
import { OutputReader } from "../../../src/cli/run/output-reader.js";
import { PhaseTracker } from "../../../src/cli/run/phase-tracker.js";
import type { ProgressReading } from "../../../src/cli/run/progress-reading.js";

export interface ReadOutput {
  readonly readings: readonly ProgressReading[];
  readonly lines: readonly string[];
  /** The message of the job and the reason of a failure at this point. */
  readonly message: string;
  readonly reason: string;
}

/** The bytes of a recorded output. The README beside them says how each was recorded. */
export function recorded(name: string): Uint8Array {
  return readFileSync(new URL(`../recorded/${name}.txt`, import.meta.url));
}

/** Reads an output in these chunks. */
export function readAll(...chunks: readonly (string | Uint8Array)[]): ReadOutput {
  const readings: ProgressReading[] = [];
  const lines: string[] = [];
  const lastLines = new LastLines();
  const reader = new OutputReader({
    onReading: (reading) => readings.push(reading),
    onLine: (text, counter) => {
      lines.push(text);
      lastLines.add(text, counter);
    },
    onCounterLine: (text, counter) => lastLines.addOfCounter(text, counter),
  });
  for (const chunk of chunks) reader.write(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
  reader.end();
  return { readings, lines, message: lastLines.latest, reason: lastLines.text };
}

/** The phases of the readings, each as "label: done done … of volume". `*` marks phases that have ended. */
export function phasesOf(readings: readonly ProgressReading[]): string[] {
  const phases = new PhaseTracker();
  const shown: { label: string; dones: number[]; volume: number | undefined; end: string }[] = [];
  for (const step of readings.flatMap((reading) => phases.take(reading))) {
    if (step.kind === "BEGIN") shown.push({ label: step.label, dones: [], volume: step.volume, end: "" });
    const phase = shown[step.phase]!; // BEGIN comes first
    if (step.kind === "END") phase.end = " *";
    if (step.kind === "MOVE") phase.dones.push(step.done);
    if (step.kind === "MOVE") phase.volume = step.volume;
  }
  return shown.map(
    ({ label, dones, volume, end }) => `${label}: ${dones.join(" ")} of ${volume ?? "?"}${end}`,
  );
}
