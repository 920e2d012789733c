import type { ServerResponse } from "node:http";

/** Answers with a value as JSON, on a line of its own; it is as of now, so nobody keeps it. */
export function answerJson(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { "Content-Type": JSON_TYPE, "Cache-Control": "no-store" });
  response.end(`${JSON.stringify(value)}\n`);
}

/** Whether a body of this Content-Type is JSON, which no form of another site's page can send. */
export function isJson(contentType: string | null | undefined): boolean {
  const [type] = (contentType ?? "").split(";");
  return type?.trim().toLowerCase() === JSON_TYPE;
}

const JSON_TYPE = "application/json";
