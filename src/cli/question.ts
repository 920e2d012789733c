import { once } from "node:events";
import { createInterface } from "node:readline";
import { EXIT, ExitError } from "./exit-codes.js";

/** Asks the person at the terminal, on stderr; undefined where there is nobody. */
export function terminalQuestion(): ((question: string) => Promise<string>) | undefined {
  return process.stdin.isTTY && process.stderr.isTTY ? ask : undefined;
}

/** An answer that does not come, as after Ctrl+D, is an empty one. @throws ExitError after Ctrl+C. */
async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const interrupted = once(lines, "SIGINT").then(() => {
      throw new ExitError(EXIT.INTERRUPTED, "interrupted");
    });
    const answered = new Promise<string>((resolve) => lines.question(question, resolve));
    const closed = once(lines, "close").then(() => "");
    return await Promise.race([interrupted, answered, closed]);
  } finally {
    lines.close();
  }
}
