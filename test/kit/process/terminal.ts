import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import xterm from "@xterm/headless";
import { PROJECT } from "./child-process.js";

/** Whether pseudo-terminals are available: `script` of util-linux. */
export const HAS_TERMINAL = spawnSync("script", ["--version"]).status === 0;

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/**
 * A program on a real pseudo-terminal, with an emulator that shows its screen.
 *
 *     await using terminal = new TestTerminal(["dist/main.js", "watch"], { columns: 80, rows: 24 });
 *     await terminal.shows((lines) => lines[0]!.includes("live"));
 */
export class TestTerminal implements AsyncDisposable {
  /** The exit code of the program. */
  readonly exited: Promise<number | null>;
  /** The complete output of the program. */
  written = "";
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #emulator: InstanceType<typeof xterm.Terminal>;
  #device = "";
  #hasEnded = false;
  readonly #waiting = new Set<() => void>();

  /** Runs a Node.js script. */
  constructor(
    args: readonly string[],
    { columns, rows }: TerminalSize,
    env: Readonly<Record<string, string>> = {},
  ) {
    this.#emulator = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
    const command = `tty; stty cols ${columns} rows ${rows}; exec "${process.execPath}" ${args.map(quoted).join(" ")}`;
    this.#child = spawn("script", ["-qfec", command, "/dev/null"], {
      cwd: PROJECT,
      env: { ...uncoloured(), TERM: "xterm-256color", ...env },
    });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => this.#take(text));
    this.exited = once(this.#child, "close").then(([code]) => {
      this.#hasEnded = true;
      this.#changed();
      return code as number | null;
    });
  }

  /** The current screen, without trailing blanks. */
  get lines(): string[] {
    const { active } = this.#emulator.buffer;
    return Array.from(
      { length: this.#emulator.rows },
      (_, row) => active.getLine(active.viewportY + row)?.translateToString(true) ?? "",
    );
  }

  /** Whether the alternate screen is active. */
  get isAlternate(): boolean {
    return this.#emulator.buffer.active.type === "alternate";
  }

  get isCursorShown(): boolean {
    return this.written.lastIndexOf("\u001b[?25l") <= this.written.lastIndexOf("\u001b[?25h");
  }

  /** How often the screen was drawn, completely or in part. */
  get drawCount(): number {
    return this.written.split("\u001b[?2026h").length - 1;
  }

  /** Resolves with the screen once it matches. Rejects if the program ends before. */
  async shows(isWanted: (lines: readonly string[]) => boolean): Promise<readonly string[]> {
    for (;;) {
      if (isWanted(this.lines)) return this.lines;
      if (this.#hasEnded) throw new Error(`The program has ended. ${this.lines.join("\n")}`);
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Types keys: "\u0003" is Ctrl+C. */
  type(keys: string): void {
    this.#child.stdin.write(keys);
  }

  /** Resizes the window, which sends SIGWINCH to the program. */
  resize({ columns, rows }: TerminalSize): void {
    this.#emulator.resize(columns, rows);
    spawnSync("stty", ["-F", this.#device, "cols", String(columns), "rows", String(rows)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
  }

  /** The first line is the device name, which is not part of the output. */
  #take(text: string): void {
    this.written += text;
    const device = /^(\/dev\/\S+)\r\n/.exec(this.written);
    const shown = this.#device === "" && device ? this.written.slice(device[0].length) : text;
    if (!device) return;
    this.#device = device[1]!;
    this.#emulator.write(shown, () => this.#changed());
  }

  #changed(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

function quoted(argument: string): string {
  return `'${argument.replaceAll("'", `'\\''`)}'`;
}

/** The environment without settings for colours, so that the terminal decides. */
function uncoloured(): NodeJS.ProcessEnv {
  const { NO_COLOR: _, FORCE_COLOR: __, ...others } = process.env;
  return others;
}
