import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startTidemark, type Tidemark } from "./child-process.js";

/** The library that shifts the time of day of a process; undefined where faketime is not installed. */
const LIBRARY = spawnSync("faketime", ["-m", "now", "printenv", "LD_PRELOAD"], {
  encoding: "utf8",
})
  .stdout?.trim()
  .split(":")
  .at(-1);

export const CAN_FAKE_TIME = Boolean(LIBRARY);
export const NEEDS_FAKETIME = "(needs faketime)";

export interface TimeShiftedServer extends Tidemark {
  /** Sets the time of day of the server, by a shift such as "+1d" from the real one. The monotonic time goes on. */
  setTime(shift: string): void;
}

/** Starts the built server with a time of day that a test can set while it runs. It is read from a file in `folder`. */
export async function startTimeShiftedServer(
  folder: string,
  flags: readonly string[],
): Promise<TimeShiftedServer> {
  const file = join(folder, "shift");
  const env = timeShift(file);
  const setTime = (shift: string): void => writeFileSync(file, shift);
  return { ...(await startTidemark(flags, { env })), setTime };
}

/** The environment of a program whose time of day is shifted by what is written to `file`, at first by `shift`. */
export function timeShift(file: string, shift = "+0"): Record<string, string> {
  writeFileSync(file, shift);
  return {
    LD_PRELOAD: LIBRARY!,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
    FAKETIME_NO_CACHE: "1",
  };
}
