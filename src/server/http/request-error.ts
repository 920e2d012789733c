import { TidemarkError } from "../../protocol/tidemark-error.js";

/** An error in a request's method, headers or size, with the HTTP status that names its kind for other programs. */
export class RequestError extends TidemarkError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, error: TidemarkError, headers: Readonly<Record<string, string>> = {}) {
    super(error.code, error.message, error.extensions);
    this.status = status;
    this.headers = headers;
  }
}
