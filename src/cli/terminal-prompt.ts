import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { EXIT, ExitError } from "./exit-codes.js";

/** A prompt on stderr. Undefined if stdin or stderr is not a terminal. */
export function createTerminalPrompt(): ((question: string) => Promise<string>) | undefined {
  return process.stdin.isTTY && process.stderr.isTTY ? ask : undefined;
}

/** Resolves with the answer; empty after Ctrl+D. @throws ExitError after Ctrl+C. */
async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const answered = new AbortController();
  try {
    return await Promise.race([
      new Promise<string>((resolve) => lines.question(question, resolve)),
      unanswered(lines, "close", answered.signal).then(() => ""),
      unanswered(lines, "SIGINT", answered.signal).then(() => {
        throw new ExitError(EXIT.INTERRUPTED, "interrupted");
      }),
    ]);
  } finally {
    answered.abort();
    lines.close();
  }
}

/** Ends the line of the question when the event occurs. */
async function unanswered(lines: Interface, event: "close" | "SIGINT", signal: AbortSignal): Promise<void> {
  await once(lines, event, { signal });
  process.stderr.write("\n");
}
