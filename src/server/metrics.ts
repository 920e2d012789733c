import type { IncomingMessage, ServerResponse } from "node:http";
import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { OperationObserver } from "../graphql/context.js";
import type { AnswerCompressor } from "./http/answer-compressor.js";

/** The Prometheus metrics at `/metrics`. Labels come from closed lists, or name a bounded number of databases. */
export class Metrics implements OperationObserver {
  readonly #registry = new Registry();
  readonly #failures = new Counter({
    name: "tidemark_failures_total",
    help: "Errors returned to clients, by code and, for LIMIT_EXCEEDED, by limit.",
    labelNames: ["code", "limit"],
    registers: [this.#registry],
  });
  #eventsExecuted = 0;
  #eventsDelivered = 0;
  readonly #slowReadersClosed = new Counter({
    name: "tidemark_slow_readers_closed_total",
    help: "Connections closed because the client stopped reading.",
    registers: [this.#registry],
  });
  readonly #slowSendersClosed = new Counter({
    name: "tidemark_slow_senders_closed_total",
    help: "Connections closed because a request or a connection_init took too long to arrive.",
    registers: [this.#registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    this.counter(
      "events_executed",
      "Events executed, each once for all subscribers with the same operation and position.",
      () => this.#eventsExecuted,
    );
    this.counter("events_told", "Events delivered to subscribers.", () => this.#eventsDelivered);
  }

  /** Registers a gauge that calls `read` at each scrape. */
  gauge(name: string, help: string, read: () => number | Promise<number>): void {
    // eslint-disable-next-line no-new -- it lives in the registry
    new Gauge({
      name: `tidemark_${name}`,
      help,
      registers: [this.#registry],
      async collect() {
        this.set(await read());
      },
    });
  }

  /** Registers a counter that calls `read` at each scrape. The name gets the suffix `_total`. */
  counter(name: string, help: string, read: () => number): void {
    // eslint-disable-next-line no-new -- it lives in the registry
    new Counter({
      name: `tidemark_${name}_total`,
      help,
      registers: [this.#registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  failed({ code, limit }: Readonly<Record<string, unknown>>): void {
    this.#failures.inc({ code: String(code), limit: limit === undefined ? "" : String(limit) });
  }

  eventExecuted(): void {
    this.#eventsExecuted++;
  }

  eventsDelivered(count: number): void {
    this.#eventsDelivered += count;
  }

  slowReaderClosed(): void {
    this.#slowReadersClosed.inc();
  }

  slowSenderClosed(): void {
    this.#slowSendersClosed.inc();
  }

  async answer(
    compressor: AnswerCompressor,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const body = await this.#registry.metrics();
    const compressed = await compressor.compress(body, request, response);
    if (compressed) response.setHeader("Content-Encoding", compressed.coding);
    response.writeHead(200, { "Content-Type": this.#registry.contentType });
    response.end(compressed?.bytes ?? body);
  }
}
