/**
 * Programs as an operator runs them: separate processes, observed through their output and their exit.
 *
 *     await using tidemark = await startTidemark();
 *     await ask(tidemark.url, { query: "{ __typename }" });
 */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The folder of the project. */
export const PROJECT = fileURLToPath(new URL("../../../", import.meta.url));

/** How a process ended: by itself, or by an unhandled signal. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ProgramOptions {
  /** Added to the common environment: that of the tests, with a store in memory. */
  readonly env?: Readonly<Record<string, string>>;
  /** The working directory; default: the project's folder. */
  readonly cwd?: string;
}

/** A process, killed when it is disposed of. */
export class Program implements AsyncDisposable {
  /** Lines printed so far. */
  readonly out: string[] = [];
  readonly err: string[] = [];
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #output: Interface;
  #changed: (() => void)[] = [];
  #hasEnded = false;

  /** A Node.js script with its arguments. */
  static node(args: readonly string[], options: ProgramOptions = {}): Program {
    return new Program(process.execPath, args, options);
  }

  constructor(command: string, args: readonly string[], { env = {}, cwd = PROJECT }: ProgramOptions = {}) {
    this.#child = spawn(command, args, { cwd, env: { ...childEnvironment(), ...env } });
    this.#child.stdin.on("error", () => {}); // it may have ended before all was written
    this.#output = createInterface(this.#child.stdout);
    this.#output.on("line", (line) => this.#change(() => this.out.push(line)));
    createInterface(this.#child.stderr).on("line", (line) => this.#change(() => this.err.push(line)));
    this.exited = once(this.#child, "close").then(([code, signal]) => {
      this.#change(() => (this.#hasEnded = true));
      return { code: code as number | null, signal: signal as NodeJS.Signals | null };
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  write(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Closes stdin. */
  endInput(): void {
    this.#child.stdin.end();
  }

  /** Leaves its standard output unread, so that its writes wait once the pipe is full, or reads on. */
  leaveOutputUnread(isUnread: boolean): void {
    if (isUnread) this.#output.pause();
    else this.#output.resume();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The first matching line on stdout, from index `from` on; rejects if the process ends before. */
  line(isWanted: (line: string) => boolean, from = 0): Promise<string> {
    return this.#find(this.out, isWanted, from);
  }

  /** The first matching line on stderr; rejects if the process ends before. */
  errorLine(isWanted: (line: string) => boolean): Promise<string> {
    return this.#find(this.err, isWanted, 0);
  }

  async #find(lines: readonly string[], isWanted: (line: string) => boolean, from: number): Promise<string> {
    for (let place = from; ; place++) {
      while (place >= lines.length) await this.#more();
      const line = lines[place]!;
      if (isWanted(line)) return line;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
  }

  async #more(): Promise<void> {
    if (this.#hasEnded) throw new Error(`The program has ended. ${[...this.out, ...this.err].join("\n")}`);
    await new Promise<void>((resolve) => this.#changed.push(resolve));
  }

  #change(change: () => void): void {
    change();
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}

/** A server as a separate process. */
export interface Tidemark extends AsyncDisposable {
  readonly program: Program;
  readonly url: string;
}

/** Starts the built server on a free port; resolves when it is ready. Needs `npm run build`. */
export async function startTidemark(
  flags: readonly string[] = [],
  options: ProgramOptions = {},
): Promise<Tidemark> {
  const program = serve(["--port", "0", ...flags], options);
  const { url } = await readyLine(program);
  return { program, url, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

/** Runs the built `tidemark serve`. */
export function serve(flags: readonly string[], options: ProgramOptions = {}): Program {
  return Program.node(["dist/main.js", "serve", ...flags], options);
}

/** Makes a server run `statement` on SIGUSR2, like a defect outside any request. */
export function failingBy(statement: string): ProgramOptions {
  const script = `process.on("SIGUSR2", () => { ${statement}; });`;
  return { env: { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(script)}` } };
}

export interface ReadyLine {
  readonly msg: string;
  readonly url: string;
  readonly pid: number;
}

/** The line in which a server prints its address. */
export async function readyLine(program: Program): Promise<ReadyLine> {
  return JSON.parse(await program.line((line) => line.includes(`"msg":"ready"`))) as ReadyLine;
}

/** The default needs more open files than some machines allow, and a server then logs a warning. */
const FEW_CONNECTIONS = { TIDEMARK_CONNECTIONS_MAX: "5000" };

function childEnvironment(): Record<string, string | undefined> {
  const entries = Object.entries(process.env).filter(
    ([name]) => !/^(TIDEMARK_|VITEST|NODE_OPTIONS|npm_(lifecycle|package|config_local_prefix))/.test(name),
  );
  return { ...Object.fromEntries(entries), TIDEMARK_STORE: "memory:", ...FEW_CONNECTIONS };
}
