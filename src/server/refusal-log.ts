import type { Clock } from "../util/clock.js";
import type { Log } from "../util/log.js";

/**
 * Tells the operator which pages and host names the server rejects, and which setting allows them: a browser hides the
 * answer from the page. Each value is logged once an hour, and any page can invent values, so their number per hour is
 * bounded too.
 */
export class RefusalLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #logged = new Set<string>();
  #since = -Infinity;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** @param origin the `Origin` header; undefined for a request of another site that has none, such as an image */
  originRejected(origin: string | undefined): void {
    this.#warn(
      { origin: shortened(origin) },
      `rejected a request of a page of another site. ${remedyFor(origin)}`,
    );
  }

  hostRejected(host: string): void {
    const name = shortened(host);
    this.#warn(
      { host: name },
      `rejected a request for an unknown host name. If it is a name of this server, allow it: --allow-host ${nameOf(name)}`,
    );
  }

  #warn(fields: Readonly<Record<string, string | undefined>>, message: string): void {
    const now = this.#clock.monotonic();
    if (now - this.#since >= HOUR_MS) {
      this.#logged.clear();
      this.#since = now;
    }
    if (this.#logged.size >= VALUES_PER_HOUR_MAX || this.#logged.has(message)) return;
    this.#logged.add(message);
    this.#log.warn(fields, message);
  }
}

const HOUR_MS = 3_600_000;
const VALUES_PER_HOUR_MAX = 50;

/** Longer than any DNS name with its scheme and port. */
const LENGTH_MAX = 300;

function shortened<Value extends string | undefined>(value: Value): Value {
  return value?.slice(0, LENGTH_MAX) as Value; // safe: undefined stays undefined
}

function remedyFor(origin: string | undefined): string {
  return origin === undefined
    ? "It named no origin, as for an image or a script, so no setting allows it."
    : `If you trust its pages, allow them: --allow-origin ${shortened(origin)}`;
}

/** The name without its port. */
function nameOf(host: string): string {
  return host.replace(/:\d*$/, "");
}
