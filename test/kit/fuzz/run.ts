/**
 * Runs hostile clients against the built server in a process of its own, for a time or a number of inputs,
 * next to a well-behaved client that reports, watches and waits for each step. The seed determines the inputs,
 * but not their order.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { Agent } from "node:http";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  attackByFrames,
  attackByMessages,
  attackByOperations,
  attackByPost,
  attackByRequests,
  type Attack,
  type FuzzContext,
} from "./attacks.js";
import { FuzzDocuments } from "./documents.js";
import { FuzzRandom } from "./random.js";
import { FuzzTokens } from "./tokens.js";
import { ControlClient } from "./control-client.js";
import { MeasuredServer } from "../server/measured-server.js";
import { HttpConnection } from "../network/raw-http.js";

export interface FuzzOptions {
  readonly seed: number;
  /** The run continues until both this time (milliseconds) */
  readonly ms: number;
  /** and this number of inputs are reached. */
  readonly inputs: number;
  readonly onProgress?: (inputs: number) => void;
}

export interface FuzzReport {
  readonly inputs: number;
  readonly byWay: Readonly<Record<string, number>>;
  /** Violations: the answer with the file that contains the input, and the cost to the server. */
  readonly findings: readonly string[];
  /** Bytes in use after a garbage collection: after a third of the inputs, and after all of them. */
  readonly before: { readonly rss: number; readonly heap: number };
  readonly after: { readonly rss: number; readonly heap: number };
  /** The longest stall of the server's event loop, in milliseconds. */
  readonly stallMs: number;
  /** Steps that the well-behaved client received, and the longest one in milliseconds. */
  readonly steps: number;
  readonly stepMsMax: number;
}

/** Rejects if the server ends or the well-behaved client is not served. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  using tokens = new FuzzTokens();
  await using server = await MeasuredServer.start({ ...BOUNDS, ...tokens.flags });
  const run = new FuzzRun(options, server.url, tokens);
  await renderGraphiql(server.url);
  await using control = await ControlClient.start(server.url, tokens.good("control", "reporter"));
  let stallMs = 0;
  const attack = async (share: number): ReturnType<MeasuredServer["memory"]> => {
    await server.stall(); // resets the maximum
    await Promise.race([run.attack(options.inputs * share, options.ms * share), control.failed]);
    await run.atRest();
    stallMs = Math.max(stallMs, (await server.stall()).ms);
    return server.memory();
  };
  const before = await attack(0.3);
  const after = await attack(1);
  const internal = await run.metric(`tidemark_failures_total{code="INTERNAL",limit=""}`);
  if (internal > 0) run.find(`${internal} operations failed unexpectedly`);
  run.judge({ before, after, stallMs });
  run.stop();
  const { steps, stepMsMax } = control;
  return { ...run.report, before, after, stallMs, steps, stepMsMax };
}

/** The first request of a browser takes 40 MB for a moment, which is not what the run measures. */
async function renderGraphiql(url: string): Promise<void> {
  using connection = new HttpConnection(url);
  await connection.request({ headers: { accept: "text/html" } });
}

/** Small bounds, so that the clients reach them soon. Request rates are not tested here. */
const BOUNDS = {
  databasesMax: "30",
  maxJobs: "30",
  tasksPerTreeMax: "100",
  logLinesPerJobMax: "10",
  removalsKeptMax: "100",
  operationsPerSecondMax: "off",
  mutationsPerSecondMax: "off",
  messagesPerSecondMax: "off",
};

class FuzzRun {
  readonly #options: FuzzOptions;
  readonly #url: string;
  readonly #token: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: LANES });
  readonly #byWay = new Map<string, number>();
  readonly #findings: string[] = [];
  readonly #random: FuzzRandom;
  readonly #ways: readonly NamedAttack[];
  readonly #startedAt = performance.now();
  #inputs = 0;

  constructor(options: FuzzOptions, url: string, tokens: FuzzTokens) {
    this.#options = options;
    this.#url = url;
    this.#token = tokens.good("operator", "admin");
    const random = new FuzzRandom(options.seed);
    const documents = new FuzzDocuments(random);
    const judge: FuzzContext["judge"] = (...seen) => this.#judge(...seen);
    const context: FuzzContext = { url, random, documents, tokens, judge };
    const way = (name: string, weight: number, attack: Attack): NamedAttack[] =>
      Array.from({ length: weight }, () => ({ name, attack }));
    this.#random = random;
    this.#ways = [
      ...way("messages of the protocol", 2, attackByOperations(context)),
      ...way("bodies by POST", 4, attackByPost(context, this.#agent)),
      ...way("messages against the protocol", 2, attackByMessages(context)),
      ...way("bytes on a WebSocket", 2, attackByFrames(context)),
      ...way("bytes on a connection", 2, attackByRequests(context)),
    ];
  }

  get report(): Pick<FuzzReport, "inputs" | "byWay" | "findings"> {
    return { inputs: this.#inputs, byWay: Object.fromEntries(this.#byWay), findings: this.#findings };
  }

  /** Attacks on all transports until both the number of inputs and the time are reached. */
  async attack(inputs: number, ms: number): Promise<void> {
    const isOver = (): boolean => this.#inputs >= inputs && performance.now() - this.#startedAt >= ms;
    await Promise.all(Array.from({ length: LANES }, () => this.#attackInLane(isOver)));
  }

  /** Only the well-behaved client is left: a watch, and a subscription to cancel requests once a job was quiet. */
  async atRest(): Promise<void> {
    while ((await this.metric("tidemark_websockets")) > 2) await setTimeout(50);
    while ((await this.metric("tidemark_event_streams")) > 0) await setTimeout(50);
    while ((await this.metric("tidemark_subscribers")) > 2) await setTimeout(50);
  }

  /** A metric of the server; 0 if it has no value. */
  async metric(series: string): Promise<number> {
    using connection = new HttpConnection(this.#url);
    const headers = { authorization: `Bearer ${this.#token}` };
    const { body } = await connection.request({ path: "/metrics", headers });
    const line = body.split("\n").find((text) => text.startsWith(`${series} `));
    return Number(line?.slice(series.length + 1) ?? 0);
  }

  /** Checks what the run has cost the server. */
  judge({ before, after, stallMs }: Pick<FuzzReport, "before" | "after" | "stallMs">): void {
    const [heap, rss] = [after.heap - before.heap, after.rss - before.rss];
    if (heap > HEAP_GROWTH_MAX) this.find(`the heap grew by ${heap} bytes`);
    if (rss > RSS_GROWTH_MAX) this.find(`the process grew by ${rss} bytes`);
    if (stallMs > STALL_MS_MAX) this.find(`the event loop was held up for ${stallMs} ms`);
  }

  find(finding: string): void {
    this.#findings.push(finding);
  }

  stop(): void {
    this.#agent.destroy();
  }

  async #attackInLane(isOver: () => boolean): Promise<void> {
    while (!isOver() && this.#findings.length < FINDINGS_MAX) {
      const { name, attack } = this.#random.pick(this.#ways);
      const count = await attack();
      this.#inputs += count;
      this.#byWay.set(name, (this.#byWay.get(name) ?? 0) + count);
      this.#options.onProgress?.(this.#inputs);
    }
  }

  #judge(sent: string | Buffer, received: string, mayNotBe?: RegExp): void {
    const [inside] = INTERNAL_DETAILS.exec(received) ?? mayNotBe?.exec(received) ?? [];
    if (inside === undefined) return;
    const file = this.#keep(sent, received);
    this.find(`${JSON.stringify(inside)} came back: ${file}`);
  }

  #keep(sent: string | Buffer, received: string): string {
    const { seed } = this.#options;
    const folder = fileURLToPath(new URL("../../../test-results/fuzz/", import.meta.url));
    mkdirSync(folder, { recursive: true });
    const file = `${folder}${seed}-${this.#findings.length}.json`;
    const input = typeof sent === "string" ? { text: sent } : { base64: sent.toString("base64") };
    writeFileSync(
      file,
      JSON.stringify({ seed, ...input, received: received.slice(0, 100_000) }, undefined, 1),
    );
    return file;
  }
}

/** An attack; listed as often as it should be chosen. */
interface NamedAttack {
  readonly name: string;
  readonly attack: Attack;
}

/** Concurrent attacks. */
const LANES = 8;

const FINDINGS_MAX = 10;

/** Over the last two thirds of the inputs. */
const HEAP_GROWTH_MAX = 32 * 1_024 * 1_024;
const RSS_GROWTH_MAX = 160 * 1_024 * 1_024;
const STALL_MS_MAX = 1_000;

/** Texts of stack traces, paths, defects or libraries. */
const INTERNAL_DETAILS =
  /\\n {4}at |\n {4}at |node_modules|file:\/\/\/|\/dist\/[a-z]|"INTERNAL"|closed (?:1011|4500)|^500 |HTTP\/1\.1 500|TypeError|RangeError|AssertionError|Maximum call stack|Cannot read propert|is not a function|Law \d/;
