import type { ServerResponse } from "node:http";

/** Sends a value as a line of JSON that must not be cached. */
export function answerJson(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { "Content-Type": JSON_TYPE, "Cache-Control": "no-store" });
  response.end(`${JSON.stringify(value)}\n`);
}

/** Whether a Content-Type is JSON, which no form of another site can send. */
export function isJson(contentType: string | null | undefined): boolean {
  const [type] = (contentType ?? "").split(";");
  return type?.trim().toLowerCase() === JSON_TYPE;
}

const JSON_TYPE = "application/json";
