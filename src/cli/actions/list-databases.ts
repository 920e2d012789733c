import { ListAllDatabasesDocument, type ListAllDatabasesQuery } from "../../client/generated/graphql.js";
import type { ListRequest } from "../commands/list.js";
import type { Output } from "../output.js";
import { sanitizeForTerminal, sanitizedJson } from "../render/sanitize.js";
import { padToWidth, widthOf } from "../render/width.js";
import { connectTo, type ServerConnection } from "./connect-to.js";

/** `tidemark list --all-databases`: one line per database that the caller may read. */
export async function listDatabases({ server, json }: ListRequest, out: Output): Promise<void> {
  const databases = await allDatabases(connectTo(server));
  const lines = json ? databases.map((database) => sanitizedJson(database)) : tableOf(databases);
  await out.write(lines.map((line) => `${line}\n`).join(""));
}

type ListedDatabase = NonNullable<ListAllDatabasesQuery["databases"]>[number];

async function allDatabases(connection: ServerConnection): Promise<readonly ListedDatabase[]> {
  const all: ListedDatabase[] = [];
  for (let after: string | undefined = ""; after !== undefined;) {
    const { databases }: ListAllDatabasesQuery = await connection.request(ListAllDatabasesDocument, {
      after,
    });
    all.push(...(databases ?? []));
    after = databases?.at(-1)?.name;
  }
  return all;
}

function tableOf(databases: readonly ListedDatabase[]): string[] {
  if (databases.length === 0) return ["No databases with jobs."];
  const rows = databases.map(({ name, running, total, unavailable }) => [
    sanitizeForTerminal(name),
    String(running),
    String(total),
    sanitizeForTerminal(unavailable ?? ""),
  ]);
  const all = [["DATABASE", "RUNNING", "TOTAL", ""], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => widthOf(row[column]!))));
  return all.map((row) =>
    row
      .map((cell, column) => padToWidth(cell, widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}
