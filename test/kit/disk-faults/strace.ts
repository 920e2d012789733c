/**
 * Runs a program under strace, which makes named system calls fail, delays them, or kills the program there.
 *
 *     await using program = underStrace(["-e", "inject=fdatasync:error=EIO:when=3"], ["dist/main.js", "serve"], log);
 *
 * `when` counts per thread. libuv writes files in a thread pool, so the program gets one such thread and its
 * calls have one order. (`--seccomp-bpf` would be faster, but strace 6.1 sends no signal with it.)
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Program } from "../process/child-process.js";
import { IS_FULL_LENGTH } from "../process/full-length.js";

/**
 * Whether long tests are enabled and programs can be traced here; and, in brackets, the requirement for test
 * names.
 */
export const CAN_TRACE = IS_FULL_LENGTH && spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;
export const NEEDS_STRACE = "(under CI; needs strace, and leave to trace)";

/** Runs a Node.js script. `pid` and exit code are those of the script. Calls are logged to `log`. */
export function underStrace(tampering: readonly string[], args: readonly string[], log: string): Program {
  const tracing = ["-D", "-f", "-ttt", "-T", "-y", "-s", "0", "-e", "signal=none", "-o", log];
  return new Program("strace", [...tracing, ...tampering, process.execPath, ...args], {
    env: { UV_THREADPOOL_SIZE: "1" },
  });
}

/** A system call of the program. */
export interface Call {
  readonly thread: number;
  readonly name: string;
  /** The line of strace: arguments and result. */
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly beganAt: number;
  readonly endedAt: number;
}

/** The finished calls, in the order in which they returned. */
export function callsIn(log: string): Call[] {
  const began = new Map<number, { readonly at: number; readonly text: string }>();
  return readFileSync(log, "utf8")
    .split("\n")
    .flatMap((line): Call[] => {
      const [, thread = "", time = "", text = ""] = /^(\d+) +(\d+\.\d+) (.*)$/.exec(line) ?? [];
      const at = Number(time) * 1_000;
      if (text.endsWith("<unfinished ...>")) began.set(Number(thread), { at, text });
      const took = /<(\d+\.\d+)>$/.exec(text)?.[1];
      if (took === undefined) return [];
      const first = text.startsWith("<...") ? began.get(Number(thread)) : undefined;
      const whole = first ? first.text.replace("<unfinished ...>", text) : text;
      const endedAt = first ? at : at + Number(took) * 1_000;
      const name = /^\w+/.exec(whole)?.[0] ?? "";
      return [{ thread: Number(thread), name, text: whole, beganAt: first?.at ?? at, endedAt }];
    });
}

/** The index, among the `pwrite64` calls of its thread, of the last one that wrote the root of an LMDB file. */
export function lastRootWrite(calls: readonly Call[]): number {
  const writes = calls.filter(({ name }) => name === "pwrite64");
  const last = writes.findLast(({ text }) => ROOT.test(text));
  const ofItsThread = writes.filter(({ thread }) => thread === last?.thread);
  return ofItsThread.findIndex((call) => call === last) + 1;
}

/** The calls that strace failed and that would have written a root. */
export function failedRootWrites(calls: readonly Call[]): Call[] {
  return calls.filter(({ text }) => ROOT.test(text) && text.includes("(INJECTED)"));
}

/** A transaction changes only a part of the first or second page when LMDB writes the root. */
const ROOT = /^pwrite64\(.*, 128, (40|4136)\)/;
