/** GraphQL requests over `fetch`. Every failure becomes a `TidemarkError`, whose code tells whether to retry. */
import type { ErrorCode } from "../../protocol/error-codes.js";
import { TidemarkError } from "../../protocol/tidemark-error.js";
import { rootCauseText } from "./root-cause.js";
import { noServerError } from "./no-server-error.js";
import { notTidemark, toTidemarkError, type ResponseError } from "./response-error.js";
import type { PlatformSignal } from "../platform.js";
import { invalidAddress, authorizationOf, type Token } from "./endpoint.js";

/** A GraphQL operation: a string, or a typed document that knows the types of its variables and data. */
export interface ClientDocument<Data, Variables> {
  /** The text of the operation. */
  toString(): string;
  /** Exists for type inference only; always undefined. */
  readonly __apiType?: (variables: Variables) => Data;
}

export interface HttpTransportOptions {
  /** The server's address, without a path: `http://127.0.0.1:4000`. */
  readonly url: string;
  readonly token?: Token | undefined;
  /** Time limit of a request, milliseconds. Default 5,000. */
  readonly requestTimeoutMs?: number | undefined;
}

/** Options of a request. */
export interface RequestOptions {
  /** Aborts the request. The server may still have executed the operation. */
  readonly signal?: PlatformSignal | undefined;
  /** Whether the request outlives the page. Browsers then limit its body to about 60 kB. Default false. */
  readonly keepalive?: boolean | undefined;
}

/** Sends requests to one server. Requests may run concurrently. */
export class HttpTransport {
  /** The server's address, without a trailing slash. */
  readonly url: string;
  readonly token: Token | undefined;
  readonly #requestTimeoutMs: number;
  #latestToken: string | undefined;

  /** @throws TypeError if the address is invalid. */
  constructor({ url, token, requestTimeoutMs = 5_000 }: HttpTransportOptions) {
    this.url = checkedUrl(url);
    this.token = token;
    this.#requestTimeoutMs = requestTimeoutMs;
  }

  /**
   * Executes a query or a mutation.
   * @throws TidemarkError with the server's code, or UNAVAILABLE if no answer arrived. In that case, the server may
   * still have executed the operation.
   */
  async request<Data, Variables>(
    document: ClientDocument<Data, Variables>,
    variables: Variables,
    { signal, keepalive = false }: RequestOptions = {},
  ): Promise<Data> {
    try {
      const token = typeof this.token === "function" ? await this.token() : this.token;
      this.#latestToken = token;
      const { url, ...prepared } = this.prepare(document, variables);
      const timeout = AbortSignal.timeout(this.#requestTimeoutMs);
      const response = await fetch(url, {
        ...prepared,
        keepalive,
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      return dataOf<Data>(this.url, response.status, await response.text());
    } catch (error) {
      throw error instanceof TidemarkError ? error : noServerError(this.url, error);
    }
  }

  /**
   * A request with the latest token, for senders that can't wait.
   * @throws TidemarkError BAD_USER_INPUT if JSON has no form for the variables.
   */
  prepare<Data, Variables>(document: ClientDocument<Data, Variables>, variables: Variables): PreparedRequest {
    const headers = { "content-type": "application/json", ...authorizationOf(this.#latestToken) };
    return { url: `${this.url}/graphql`, method: "POST", headers, body: bodyOf(document, variables) };
  }
}

/** A request that any thread can send. */
export interface PreparedRequest {
  readonly url: string;
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

function checkedUrl(url: string): string {
  if (!/^https?:/i.test(url) || !URL.canParse(url)) throw invalidAddress(url);
  return url.replace(/\/+$/, "").replace(/\/graphql$/, "");
}
