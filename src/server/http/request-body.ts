import type { IncomingMessage } from "node:http";
import { badUserInput, TidemarkError } from "../../protocol/tidemark-error.js";
import { isJson } from "./json-response.js";
import { RequestError } from "./request-error.js";

/**
 * Reads the body of a POST whose headers promise JSON in UTF-8. Checks the headers first, so that a rejected body is
 * not read.
 *
 * @returns the bytes; undefined if the client disconnected.
 * @throws RequestError 415 for another type, charset or coding, 413 above `bodyBytesMax`.
 */
export async function readJsonBody(
  request: IncomingMessage,
  bodyBytesMax: number,
): Promise<Buffer | undefined> {
  checkHeaders(request);
  if (Number(request.headers["content-length"]) > bodyBytesMax) throw tooLarge(bodyBytesMax);
  return bodyOf(request, bodyBytesMax);
}

function checkHeaders({ headers }: IncomingMessage): void {
  const { "content-type": type = "", "content-encoding": coding = "identity" } = headers;
  if (type !== "application/json") checkType(type);
  if (coding.trim().toLowerCase() === "identity") return;
  const message = `Unsupported Content-Encoding ${JSON.stringify(coding)}: only "identity" is accepted. Send the body uncompressed.`;
  throw new RequestError(415, badUserInput(message), { "Accept-Encoding": "identity" });
}

function checkType(type: string): void {
  if (!isJson(type))
    throw new RequestError(
      415,
      badUserInput("Unsupported Content-Type: a GraphQL POST requires application/json."),
      { "Accept-Post": "application/json" },
    );
  for (const [, quoted, token] of type.matchAll(CHARSET)) {
    const charset = quoted ?? token ?? "";
    if (UTF8.test(charset)) continue;
    const message = `Unsupported charset ${JSON.stringify(charset)}: JSON is UTF-8. Send the body as UTF-8.`;
    throw new RequestError(415, badUserInput(message), { "Accept-Post": "application/json" });
  }
}

const CHARSET = /;\s*charset\s*=\s*(?:"([^"]*)"|([^;]*))/gi;

const UTF8 = /^\s*utf-?8\s*$/i;

/** Reads a body to its end, so that the connection stays usable, but keeps only what is within the bound. */
function bodyOf(request: IncomingMessage, bodyBytesMax: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= bodyBytesMax) return void chunks.push(chunk);
      chunks.length = 0;
      reject(tooLarge(bodyBytesMax));
    });
    request.on("end", () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
    request.on("error", () => resolve(undefined));
  });
}

function tooLarge(bodyBytesMax: number): RequestError {
  const message = `The request body is larger than ${bodyBytesMax} bytes (bodyBytesMax).`;
  return new RequestError(413, new TidemarkError("LIMIT_EXCEEDED", message, { limit: "bodyBytesMax" }));
}
