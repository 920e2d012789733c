import type { ServerResponse } from "node:http";
import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { FailureObserver } from "../graphql/context.js";

/**
 * What an operator's Prometheus reads at `/metrics`. Labels are from closed lists, so no client can make the
 * number of series grow.
 */
export class Metrics implements FailureObserver {
  readonly #registry = new Registry();
  readonly #failures = new Counter({
    name: "tidemark_failures_total",
    help: "Failures that clients were told, by code, and by limit where one was passed.",
    labelNames: ["code", "limit"],
    registers: [this.#registry],
  });

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

  async answer(response: ServerResponse): Promise<void> {
    const body = await this.#registry.metrics();
    response.writeHead(200, { "Content-Type": this.#registry.contentType }).end(body);
  }
}
