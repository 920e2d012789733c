/** GraphQL requests over `fetch`. Every failure becomes a `TidemarkError`, whose code tells whether to retry. */
import type { ErrorCode } from "../../protocol/error-codes.js";
import { TidemarkError } from "../../protocol/tidemark-error.js";
import { isConnectionRefused, rootCauseText } from "./root-cause.js";
import { noServerError } from "./no-server-error.js";
import { isServerUnavailable, notTidemark, toTidemarkError, type ResponseError } from "./response-error.js";
import type { PlatformSignal } from "../platform.js";
import { authorizationOf, serverUrls, type EndpointOptions, type Token } from "./endpoint.js";
import { ServerList } from "./server-list.js";

/** A GraphQL operation: a string, or a typed document that knows the types of its variables and data. */
export interface ClientDocument<Data, Variables> {
  /** The text of the operation. */
  toString(): string;
  /** Exists for type inference only; always undefined. */
  readonly __apiType?: (variables: Variables) => Data;
}

export interface HttpTransportOptions extends Pick<EndpointOptions, "token" | "onMoved"> {
  /** The address of the server, or those of several. */
  readonly url: string | readonly string[];
  /** Time limit of a request, milliseconds. Default 5,000. */
  readonly requestTimeoutMs?: number | undefined;
}

/** Options of a request. */
export interface RequestOptions {
  /** Aborts the request. The server may still have executed the operation. */
  readonly signal?: PlatformSignal | undefined;
  /**
   * Whether it does no harm to execute the operation twice. If there are several servers and one does not answer, the request
   * is then sent to the next one; otherwise only if the first cannot have received it. Default: true for queries.
   */
  readonly isRepeatable?: boolean | undefined;
  /** Whether the request outlives the page. Browsers then limit its body to about 60 kB. Default false. */
  readonly keepalive?: boolean | undefined;
}

/** Sends requests to the first server that takes them. Requests may run concurrently. */
export class HttpTransport {
  readonly servers: ServerList;
  readonly token: Token | undefined;
  readonly #requestTimeoutMs: number;
  #latestToken: string | undefined;

  /** @throws TypeError if an address is invalid. */
  constructor({ url, token, onMoved, requestTimeoutMs = 5_000 }: HttpTransportOptions) {
    this.servers = new ServerList(serverUrls(url), onMoved);
    this.token = token;
    this.#requestTimeoutMs = requestTimeoutMs;
  }

  /**
   * Executes a query or a mutation, at each server at most once.
   * @throws TidemarkError with the server's code, or UNAVAILABLE if no answer arrived. In that case, the server may
   * still have executed the operation.
   */
  async request<Data, Variables>(
    document: ClientDocument<Data, Variables>,
    variables: Variables,
    { signal, keepalive = false, isRepeatable = !/mutation/.test(`${document}`) }: RequestOptions = {},
  ): Promise<Data> {
    const { urls } = this.servers; // a move replaces it
    for (let tried = 1; ; tried++) {
      const url = urls[tried - 1]!; // safe: the last one throws
      try {
        const token = typeof this.token === "function" ? await this.token() : this.token;
        this.#latestToken = token;
        const timeout = AbortSignal.timeout(this.#requestTimeoutMs);
        const response = await fetch(`${url}/graphql`, {
          ...this.prepare(document, variables),
          keepalive,
          signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        });
        const data = dataOf<Data>(url, response.status, await response.text());
        this.servers.onAnswer(url);
        return data;
      } catch (cause) {
        const error = cause instanceof TidemarkError ? cause : noServerError(urls.slice(0, tried), cause);
        if (signal?.aborted || !isServerUnavailable(error)) throw error;
        this.servers.leave(url, error);
        if (tried === urls.length || !(isRepeatable || isConnectionRefused(error))) throw error;
      }
    }
  }

  /**
   * A request with the latest token, for senders that can't wait.
   * @throws TidemarkError BAD_USER_INPUT if JSON has no form for the variables.
   */
  prepare<Data, Variables>(document: ClientDocument<Data, Variables>, variables: Variables): PreparedRequest {
    const headers = { "content-type": "application/json", ...authorizationOf(this.#latestToken) };
    const { urls } = this.servers;
    return { servers: urls, method: "POST", headers, body: bodyOf(document, variables) };
  }
}

/** A request that any thread can send. */
export interface PreparedRequest {
  /** The addresses of the servers, in the order in which they are tried. */
  readonly servers: readonly string[];
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function bodyOf(document: { toString(): string }, variables: unknown): string {
  try {
    return JSON.stringify({ query: document.toString(), variables });
  } catch (error) {
    throw new TidemarkError(
      "BAD_USER_INPUT",
      `Not sent: ${rootCauseText(error)}. Pass values that JSON can hold.`,
    );
  }
}

interface Answer<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly ResponseError[];
}

function dataOf<Data>(url: string, status: number, text: string): Data {
  const answer = parseAnswer<Data>(text);
  const [error] = answer?.errors ?? [];
  if (error) throw toTidemarkError(error, codeOf(status));
  if (answer?.data) return answer.data;
  throw new TidemarkError(codeOf(status), notTidemark(url, status));
}

function parseAnswer<Data>(text: string): Answer<Data> | null {
  try {
    // Safe: the data of a GraphQL server has the shape of the document. Other JSON has neither property.
    return JSON.parse(text) as Answer<Data> | null;
  } catch {
    return null; // a proxy's page
  }
}

/** Maps the HTTP status of a proxy to an error code. */
function codeOf(status: number): ErrorCode {
  return CODES_BY_STATUS[status] ?? "UNAVAILABLE";
}

const CODES_BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: "BAD_USER_INPUT",
  401: "UNAUTHENTICATED",
  403: "FORBIDDEN",
  413: "LIMIT_EXCEEDED",
};
