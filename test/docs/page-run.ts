/**
 * Runs the snippets of one page from top to bottom, as a newcomer does: in a folder that looks like the checkout, against a
 * server of the page's own that stands in for `http://127.0.0.1:4000`.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getOperationAST, OperationTypeNode, parse } from "graphql";
import { PROJECT } from "../kit/process/child-process.js";
import { startServer, type TestServer } from "../kit/server/server.js";
import { readPage, snippetsOf, type Snippet } from "./markdown.js";

/** The marks of a snippet that the tests do not simply run to its end. */
export const KEEPS_RUNNING = "keeps running";
export const IS_NOT_RUN = /^not run: \S/;

/** The languages of snippets that are run. All others are illustrations, or the output of the snippet before. */
export const RUN_LANGUAGES: ReadonlySet<string> = new Set(["sh", "bash", "js", "python", "graphql"]);

export function isRun({ language, instruction }: Snippet): boolean {
  return RUN_LANGUAGES.has(language) && !IS_NOT_RUN.test(instruction);
}

/** How long a program may take to print a line. */
const PATIENCE_MS = 30_000;

/**
 * Runs the snippets of a page, and returns how many there were.
 *
 * @throws Error that names the snippet, when one fails or does not print what the page says
 */
export async function runPage(file: string): Promise<number> {
  const snippets = snippetsOf(file);
  await using run = await PageRun.start();
  for (const [index, snippet] of snippets.entries()) {
    if (isRun(snippet)) await run.run(snippet, outputAfter(file, snippets, index));
  }
  await run.finish();
  return snippets.filter(isRun).length;
}

class PageRun implements AsyncDisposable {
  readonly #server: TestServer;
  readonly #folder: string;
  /** Programs that keep running until the page ends. */
  readonly #running: Program[] = [];
  /** The page's first JavaScript snippet: snippets without imports continue it. */
  #imports = "";

  static async start(): Promise<PageRun> {
    return new PageRun(await startServer(), checkout());
  }

  private constructor(server: TestServer, folder: string) {
    this.#server = server;
    this.#folder = folder;
  }

  /** Runs a snippet. @throws Error when it fails, or does not print what the page says. */
  async run(snippet: Snippet, output: readonly string[]): Promise<void> {
    if (snippet.language === "graphql") return this.#runOperation(snippet);
    const program = this.#start(snippet.place, this.#scriptOf(snippet));
    if (snippet.instruction !== KEEPS_RUNNING) {
      await program.end();
      return program.hasPrinted(output);
    }
    this.#running.push(program);
    program.expected = output;
    await program.prints(output[0] ?? "…");
  }

  /** Waits until the programs that keep running have printed what the page says. */
  async finish(): Promise<void> {
    for (const program of this.#running) await program.printsAll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#running) await program.kill();
    await this.#server.close();
    rmSync(this.#folder, { recursive: true });
  }

  #scriptOf({ language, text, place }: Snippet): string {
    if (language === "python") return this.#pythonScript(text, place);
    if (language !== "js") return text;
    const name = /^\/\/ (\S+\.mjs)/.exec(text)?.[1] ?? `${place.replaceAll(/\W/g, "-")}.mjs`;
    const isWhole = /^import /m.test(text);
    this.#imports ||= text;
    writeFileSync(
      join(this.#folder, name),
      this.#onServer(isWhole ? text : `${this.#imports}\n{\n${text}\n}\n`),
    );
    return `exec node ${name}`;
  }

  /** A file, because the children of `multiprocessing` read it. */
  #pythonScript(text: string, place: string): string {
    const name = `${place.replaceAll(/\W/g, "_")}.py`;
    writeFileSync(join(this.#folder, name), this.#onServer(text));
    return `PYTHONPATH=python exec python3 ${name}`;
  }

  #start(place: string, script: string): Program {
    const child = spawn("bash", ["-euo", "pipefail", "-c", `exec 2>&1\n${this.#onServer(script)}`], {
      cwd: this.#folder,
      env: {
        ...inheritedEnvironment(),
        NO_COLOR: "1",
        TIDEMARK_URL: this.#server.url,
        TIDEMARK_PORT: "0",
        PATH: `${this.#folder}/bin:${process.env["PATH"]}`,
      },
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
    });
    return new Program(place, child);
  }

  /** Executes a document that needs no variables; of a subscription the first event. */
  async #runOperation({ text, place }: Snippet): Promise<void> {
    const operation = getOperationAST(parse(text))!;
    if (operation.variableDefinitions!.some(({ type }) => type.kind === "NonNullType")) return;
    const isSubscription = operation.operation === OperationTypeNode.SUBSCRIPTION;
    const response = await fetch(`${this.#server.url}/graphql`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: isSubscription ? "text/event-stream" : "application/json",
      },
      body: JSON.stringify({ query: text }),
    });
    const answer = isSubscription ? await firstEvent(response) : await response.text();
    if (answer.includes(`"errors"`)) throw new Error(`${place}: ${answer}`);
  }

  #onServer(text: string): string {
    return text.replaceAll("127.0.0.1:4000", new URL(this.#server.url).host);
  }
}

/** The lines of the `text` that follows a snippet, with nothing between them but an empty line. */
function outputAfter(file: string, snippets: readonly Snippet[], index: number): string[] {
  const [snippet, next] = [snippets[index]!, snippets[index + 1]];
  if (next?.language !== "text") return [];
  const isAdjacent = readPage(file).includes(`${snippet.text}\`\`\`\n\n\`\`\`text\n${next.text}`);
  return isAdjacent ? next.text.split("\n").filter((line) => line.trim() !== "") : [];
}

/** A program that is read line by line. */
class Program {
  /** The lines that it prints before the page ends. */
  expected: readonly string[] = [];
  readonly #place: string;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #printed = "";
  #hasEnded = false;

  constructor(place: string, child: ChildProcess) {
    this.#place = place;
    this.#child = child;
    this.#closed = once(child, "close").then(() => (this.#hasEnded = true));
    child.stdout!.on("data", (chunk) => (this.#printed += String(chunk)));
  }

  async end(): Promise<void> {
    await this.#closed;
    if (this.#child.exitCode !== 0) throw this.#failure(`ended with ${this.#child.exitCode}`);
  }

  hasPrinted(lines: readonly string[]): void {
    const missing = missingLine(lines, this.#printed);
    if (missing !== undefined) throw this.#failure(`did not print "${missing}"`);
  }

  /** Waits for one line. */
  prints(line: string): Promise<void> {
    return this.#waitFor([line]);
  }

  /** Waits for all lines that are expected, in their order. */
  printsAll(): Promise<void> {
    return this.#waitFor(this.expected);
  }

  async kill(): Promise<void> {
    if (!this.#hasEnded) process.kill(-this.#child.pid!, "SIGKILL");
    await this.#closed;
  }

  async #waitFor(lines: readonly string[]): Promise<void> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const missing = missingLine(lines, this.#printed);
      if (missing === undefined) return;
      if (this.#hasEnded || signal.aborted) throw this.#failure(`did not print "${missing}"`);
      await Promise.race([once(this.#child.stdout!, "data", { signal }), this.#closed]).catch(() => {});
    }
  }

  #failure(what: string): Error {
    return new Error(`${this.#place}: the snippet ${what}. It printed:\n${this.#printed}`);
  }
}

/** The first of `lines` that was not printed, in their order. `…` stands for any text; the width of a gap does not matter. */
function missingLine(lines: readonly string[], printed: string): string | undefined {
  const rest = printed.split("\n");
  return lines.find((line) => {
    const index = rest.findIndex((candidate) => matches(line, candidate));
    rest.splice(0, index + 1);
    return index < 0;
  });
}

function matches(line: string, candidate: string): boolean {
  const pattern = withoutGaps(line)
    .split("…")
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${pattern.join(".+")}$`).test(withoutGaps(candidate));
}

function withoutGaps(line: string): string {
  return line.trim().replaceAll(/\s+/g, " ");
}

/** Without the variables that npm, vitest and Tidemark itself read. */
function inheritedEnvironment(): Record<string, string | undefined> {
  const isForeign = ([name]: [string, unknown]) => !/^(TIDEMARK_|VITEST|npm_|NODE_OPTIONS)/.test(name);
  return Object.fromEntries(Object.entries(process.env).filter(isForeign));
}

async function firstEvent(response: Response): Promise<string> {
  let read = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    read += chunk;
    if (/^data:.*\n/m.test(read)) break;
  }
  return read;
}

/** A `sleep` of a tenth of the time, which is long enough for the work that it stands for. */
const SHORT_SLEEP = `#!/bin/sh\nexec /bin/sleep "$(echo "$1" | awk '{ print $1 / 10 }')"\n`;

/** A folder with the project's files, which are links, and the commands `tidemark` and `sleep`. */
function checkout(): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-docs-"));
  const files = readdirSync(PROJECT).filter((name) => !/^(\.git|tidemark-data.*|bin)$/.test(name));
  for (const name of files) symlinkSync(join(PROJECT, name), join(folder, name));
  mkdirSync(join(folder, "bin"));
  const command = `#!/bin/sh\nexec node "${join(PROJECT, "dist/main.js")}" "$@"\n`;
  writeFileSync(join(folder, "bin/tidemark"), command, { mode: 0o755 });
  writeFileSync(join(folder, "bin/sleep"), SHORT_SLEEP, { mode: 0o755 });
  return folder;
}
