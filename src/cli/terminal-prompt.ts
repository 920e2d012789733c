import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { EXIT, ExitError } from "./exit-codes.js";

/** Asks the person at the terminal, on stderr; undefined where there is nobody. */
export function createTerminalPrompt(): ((question: string) => Promise<string>) | undefined {
  return process.stdin.isTTY && process.stderr.isTTY ? ask : undefined;
}

/** An answer that does not come, as after Ctrl+D, is an empty one. @throws ExitError after Ctrl+C. */
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

/** What follows begins on a line of its own. */
async function unanswered(lines: Interface, event: "close" | "SIGINT", signal: AbortSignal): Promise<void> {
  await once(lines, event, { signal });
  process.stderr.write("\n");
}
