import type { DatabaseName } from "../tasks/names.js";
import { JournalError } from "./journal.js";

export function databaseExistsError(name: DatabaseName): JournalError {
  return new JournalError(`There is a database ${JSON.stringify(name)} already.`, "nothing written");
}
