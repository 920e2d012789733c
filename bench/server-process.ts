import { fork, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";

export interface ProcessOptions {
  readonly args?: readonly string[];
  /** Options of Node. */
  readonly execArgv?: readonly string[];
}

/** A server or a load client in its own process, which answers requests by `measured.mjs`. Disposal ends it. */
export class ServerProcess implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;

  /** @param script relative to `bench/`, such as `tidemark.mjs` or `rivals/yoga.mjs` */
  static async start(script: string, options: ProcessOptions = {}): Promise<ServerProcess> {
    if (script.startsWith("rivals/")) installRivals();
    const child = fork(`${import.meta.dirname}/${script}`, options.args ?? [], {
      execArgv: ["--expose-gc", ...(options.execArgv ?? [])],
      env: { ...process.env, NODE_ENV: "production", NODE_OPTIONS: "" },
    });
    const [first] = (await Promise.race([once(child, "message"), once(child, "exit")])) as unknown[];
    if (!isStart(first)) throw new Error(`${script} exited before it was ready: ${String(first)}.`);
    return new ServerProcess(child, first.url);
  }

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
    child.on("message", (answer) => this.#answered(answer as Answer)); // safe: as measured.mjs writes it
    child.on("exit", (code, signal) => {
      const error = new Error(`The process exited with ${code ?? signal}.`);
      for (const { reject } of this.#waiting.values()) reject(error);
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Rejects with the error of the process. */
  ask<T = null>(ask: string, given: object = {}): Promise<T> {
    const id = this.#asked++;
    this.#child.send({ id, ask, ...given });
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (answer) => resolve(answer as T), reject });
    });
  }

  /** The CPU time of the process so far, in microseconds. */
  cpuMicros(): Promise<number> {
    return this.ask("cpu");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }

  #answered(message: Answer): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if ("error" in message) waiting?.reject(new Error(message.error));
    else waiting?.resolve(message.answer);
  }
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

type Answer = { readonly id: number } & ({ readonly answer: unknown } | { readonly error: string });

function isStart(message: unknown): message is { readonly url: string } {
  return typeof message === "object" && message !== null && "url" in message;
}

/** Tidemark does not depend on the other servers, so the first benchmark that needs them installs them. */
function installRivals(): void {
  const folder = `${import.meta.dirname}/rivals`;
  if (existsSync(`${folder}/node_modules`)) return;
  const command = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder];
  const { status } = spawnSync("npm", command, { stdio: "inherit" });
  if (status !== 0)
    throw new Error("Cannot install the servers in bench/rivals. See the output of npm above.");
}
