/**
 * strace as a hand that fails, delays and kills: a program is run below it, and at the calls of the system that
 * are named something happens to it.
 *
 *     await using program = underStrace(["-e", "inject=fdatasync:error=EIO:when=3"], ["dist/main.js", "serve"], log);
 *
 * `when` counts for each thread by itself. Files are written by threads of libuv's pool, so a program is given
 * one such thread, and its calls come in one order. (`--seccomp-bpf` would be faster, but strace 6.1 sends no signal
 * with it.)
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Program } from "../process/child-process.js";
import { IS_FULL_LENGTH } from "../process/full-length.js";

/** Whether a program can be traced here, in tests that may take long, and in brackets what that needs, for their names. */
export const CAN_TRACE = IS_FULL_LENGTH && spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;
export const NEEDS_STRACE = "(under CI; needs strace, and leave to trace)";

/** Runs a script for Node.js; `pid` and exit are those of the script, strace stands aside. The calls go into `log`. */
export function underStrace(tampering: readonly string[], args: readonly string[], log: string): Program {
  const tracing = ["-D", "-f", "-ttt", "-T", "-y", "-s", "0", "-e", "signal=none", "-o", log];
  return new Program("strace", [...tracing, ...tampering, process.execPath, ...args], {
    env: { UV_THREADPOOL_SIZE: "1" },
  });
}

/** A call that the program made. */
export interface Call {
  readonly thread: number;
  readonly name: string;
  /** As strace writes it: arguments, result. */
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly beganAt: number;
  readonly endedAt: number;
}

/** The calls that have returned, in the order in which they did. */
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

/** Which `pwrite64` of its thread the last one was that wrote the root of an LMDB file. */
export function lastRootWrite(calls: readonly Call[]): number {
  const writes = calls.filter(({ name }) => name === "pwrite64");
  const last = writes.findLast(({ text }) => ROOT.test(text));
  const ofItsThread = writes.filter(({ thread }) => thread === last?.thread);
  return ofItsThread.findIndex((call) => call === last) + 1;
}

/** Those that strace failed, and that would have written a root. */
export function failedRootWrites(calls: readonly Call[]): Call[] {
  return calls.filter(({ text }) => ROOT.test(text) && text.includes("(INJECTED)"));
}

/** LMDB writes a part of its first page or its second, which is all that a transaction changes there. */
const ROOT = /^pwrite64\(.*, 128, (40|4136)\)/;
