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
  readonly #eventsExecuted = this.#counter(
    "events_executed",
    "Events that were executed, each for all subscribers that ask the same and stand at the same place.",
  );
  readonly #eventsTold = this.#counter("events_told", "Events that subscribers were given.");
  readonly #slowReadersClosed = this.#counter(
    "slow_readers_closed",
    "Connections that were closed because nothing was read from them.",
  );

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
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
    this.#eventsExecuted.inc();
  }

  eventTold(): void {
    this.#eventsTold.inc();
  }

  slowReaderClosed(): void {
    this.#slowReadersClosed.inc();
  }

  async answer(response: ServerResponse): Promise<void> {
    const body = await this.#registry.metrics();
    response.writeHead(200, { "Content-Type": this.#registry.contentType }).end(body);
  }

  #counter(name: string, help: string): Counter {
    return new Counter({ name: `tidemark_${name}_total`, help, registers: [this.#registry] });
  }
}
