import { TidemarkError } from "../../protocol/tidemark-error.js";
import type { EndpointOptions } from "../transport/endpoint.js";
import { HttpTransport, type ClientDocument } from "../transport/http-transport.js";
import { invalidOptions } from "./connection-state.js";

interface Server extends EndpointOptions {
  readonly url: string;
}

/** Sends a request and ignores its data. Resolves with its error, or undefined if the server took it. */
export async function requestError<Variables>(
  { url, token }: Server,
  document: ClientDocument<unknown, Variables>,
  variables: Variables,
): Promise<TidemarkError | undefined> {
  try {
    await new HttpTransport({ url, token }).request(document, variables);
    return undefined;
  } catch (error) {
    return error instanceof TidemarkError ? error : invalidOptions(error);
  }
}
