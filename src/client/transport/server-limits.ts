/** The limits of a server. The client keeps within them, so that a server with other settings accepts its requests. */
import { CLIENT_LIMITS, type ClientLimits } from "../../protocol/client-limits.js";
import type { TidemarkError } from "../../protocol/tidemark-error.js";
import { ServerLimitsDocument } from "../generated/graphql.js";
import type { HttpTransport } from "./http-transport.js";
import { isRetryable } from "./response-error.js";

type Request = HttpTransport["request"];

/** The limits as last read: the defaults at first. They change only when the server restarts. */
export class ServerLimits {
  current: ClientLimits = CLIENT_LIMITS;
  /** Whether the server may have restarted with other limits. */
  isStale = true;

  /** Reads the limits if they may have changed. @throws TidemarkError if a retry may succeed. */
  async refresh(request: Request): Promise<void> {
    if (this.isStale) this.current = await readServerLimits(request);
    this.isStale = false;
  }
}

/** Reads the limits, and assumes the defaults for an older server. @throws TidemarkError if a retry may succeed. */
async function readServerLimits(request: Request): Promise<ClientLimits> {
  const limits = { ...CLIENT_LIMITS };
  try {
    const { server } = await request(ServerLimitsDocument, {});
    for (const { name, value } of server.limits) limits[name as keyof ClientLimits] = value;
  } catch (error) {
    if (isRetryable(error as TidemarkError)) throw error; // safe: the transport throws nothing else
  }
  return limits;
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
