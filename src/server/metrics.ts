import type { ServerResponse } from "node:http";
import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { OperationObserver } from "../graphql/context.js";

/**
 * What an operator's Prometheus reads at `/metrics`. Labels are from closed lists, so no client can make the
 * number of series grow.
 */
export class Metrics implements OperationObserver {
  readonly #registry = new Registry();
  readonly #failures = new Counter({
    name: "tidemark_failures_total",
    help: "Failures that clients were told, by code, and by limit where one was passed.",
    labelNames: ["code", "limit"],
    registers: [this.#registry],
  });
  #eventsExecuted = 0;
  #eventsDelivered = 0;
  readonly #slowReadersClosed = new Counter({
    name: "tidemark_slow_readers_closed_total",
    help: "Connections that were closed because nothing was read from them.",
    registers: [this.#registry],
  });
  readonly #slowSendersClosed = new Counter({
    name: "tidemark_slow_senders_closed_total",
    help: "Connections that were closed because a request, or the initialisation of a WebSocket, took too long to come.",
    registers: [this.#registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    this.#count(
      "events_executed",
      "Events that were executed, each for all subscribers that ask the same and stand at the same place.",
      () => this.#eventsExecuted,
    );
    this.#count("events_told", "Events that subscribers were given.", () => this.#eventsDelivered);
  }

  /** Shows a number that is read when it is asked for. */
  gauge(name: string, help: string, read: () => number): void {
    // eslint-disable-next-line no-new -- it lives in the registry
    new Gauge({
      name: `tidemark_${name}`,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
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

  async answer(response: ServerResponse): Promise<void> {
    const body = await this.#registry.metrics();
    response.writeHead(200, { "Content-Type": this.#registry.contentType }).end(body);
  }

  /** What happens a million times a second is counted by its owner, and read when it is asked for. */
  #count(name: string, help: string, read: () => number): void {
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
}
