/** The limits of a server, and its public address. The client keeps within them, so that a server with other settings accepts its requests. */
import { CLIENT_LIMITS, type ClientLimits } from "../../protocol/client-limits.js";
import type { TidemarkError } from "../../protocol/tidemark-error.js";
import { ServerLimitsDocument } from "../generated/graphql.js";
import type { HttpTransport } from "./http-transport.js";
import { isRetryable } from "./response-error.js";

type Request = HttpTransport["request"];

/** The limits as last read: the defaults at first. They change only when the server restarts. */
export class ServerLimits {
  current: ClientLimits = CLIENT_LIMITS;
  /** The address at which people open the dashboard, if the server knows one. */
  publicUrl: string | null | undefined;
  /** Whether the server may have restarted with other limits. */
  isStale = true;

  /** Reads the limits if they may have changed. @throws TidemarkError if a retry may succeed. */
  async refresh(request: Request): Promise<void> {
    if (this.isStale) await this.#read(request);
    this.isStale = false;
  }

  /** Assumes the defaults for an older server. @throws TidemarkError if a retry may succeed. */
  async #read(request: Request): Promise<void> {
    const limits = { ...CLIENT_LIMITS };
    try {
      const { server } = await request(ServerLimitsDocument, {});
      for (const { name, value } of server.limits) limits[name as keyof ClientLimits] = value;
      this.publicUrl = server.publicUrl;
    } catch (error) {
      if (isRetryable(error as TidemarkError)) throw error; // safe: the transport throws nothing else
    }
    this.current = limits;
  }
}

/** The bytes of a value as JSON. */
export function jsonBytes(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

/** The bytes of a request's variables. The rest is its document. */
export function variablesBytesMax({ bodyBytesMax }: ClientLimits): number {
  return bodyBytesMax - DOCUMENT_BYTES_MAX;
}

const DOCUMENT_BYTES_MAX = 2_000;
