/**
 * One request to the server and its answer, over `fetch`. All that can go wrong comes out as a `TidemarkError` whose
 * code says whether it helps to try again.
 */
import type { ErrorCode } from "../../protocol/error-codes.js";
import { TidemarkError } from "../../protocol/tidemark-error.js";
import { rootCauseText, isConnectionRefused } from "./root-cause.js";
import { toTidemarkError, type ResponseError } from "./response-error.js";
import { invalidAddress } from "./endpoint.js";
import { authorizationOf, type Token } from "./token.js";

/** An operation as text. A typed document carries the types of its variables and data; a plain string works too. */
export interface ClientDocument<Data, Variables> {
  /** The text. */
  toString(): string;
  /** Never there: it carries the types. */
  readonly __apiType?: (variables: Variables) => Data;
}

export interface HttpTransportOptions {
  /** The server's address, without a path: `http://127.0.0.1:4000`. */
  readonly url: string;
  readonly token?: Token | undefined;
  /** How long an answer may take, milliseconds. Default 5,000. */
  readonly requestTimeoutMs?: number | undefined;
}

/** How a request is made. */
export interface RequestOptions {
  /** Gives the request up; it may have been carried out all the same. */
  readonly signal?: AbortSignal | undefined;
  /** Lets the request outlive the page; then its body may have at most some 60 kB. */
  readonly keepalive?: boolean | undefined;
}

/** A server that can be asked. Any number of requests may be under way. */
export class HttpTransport {
  /** The server's address, without a slash at its end. */
  readonly url: string;
  readonly token: Token | undefined;
  readonly #requestTimeoutMs: number;

  /** @throws TypeError for an invalid address. */
  constructor({ url, token, requestTimeoutMs = 5_000 }: HttpTransportOptions) {
    this.url = checkedUrl(url);
    this.token = token;
    this.#requestTimeoutMs = requestTimeoutMs;
  }

  /**
   * Asks a query or a mutation.
   * @throws TidemarkError with the server's code; UNAVAILABLE when there was no answer, and then it is not known
   * whether it was carried out.
   */
  async request<Data, Variables>(
    document: ClientDocument<Data, Variables>,
    variables: Variables,
    { signal, keepalive = false }: RequestOptions = {},
  ): Promise<Data> {
    const timeout = AbortSignal.timeout(this.#requestTimeoutMs);
    const body = JSON.stringify({ query: document.toString(), variables });
    try {
      const response = await fetch(`${this.url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", ...authorizationOf(await this.#tokenNow()) },
        body,
        keepalive,
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      return dataOf<Data>(this.url, response.status, await response.text());
    } catch (error) {
      throw error instanceof TidemarkError ? error : noResponseError(this.url, error);
    }
  }

  async #tokenNow(): Promise<string | undefined> {
    return typeof this.token === "function" ? this.token() : this.token;
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
  throw new TidemarkError(
    codeOf(status),
    `What answers at ${url} (status ${status}) is no Tidemark server. Check the address, and what is in between.`,
  );
}

function parseAnswer<Data>(text: string): Answer<Data> | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    // Safe where a GraphQL server answers: its data has the shape of the document.
    return typeof answer === "object" && answer !== null ? (answer as Answer<Data>) : undefined;
  } catch {
    return undefined; // a proxy's page
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

function noResponseError(url: string, cause: unknown): TidemarkError {
  const remedy = isConnectionRefused(cause)
    ? "Start one there (npm start), or give another address (TIDEMARK_URL)."
    : "Check the address (TIDEMARK_URL), and what is in between.";
  return new TidemarkError(
    "UNAVAILABLE",
    `No Tidemark server answers at ${url} (${rootCauseText(cause)}). ${remedy}`,
    { cause },
  );
}

function checkedUrl(url: string): string {
  if (!/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : "")) throw invalidAddress(url);
  return url.replace(/\/+$/, "").replace(/\/graphql$/, "");
}
