import { EXIT, ExitError } from "../exit-codes.js";

/**
 * Rejects the URL of a store in PostgreSQL, without printing it: it may have a password.
 * @param instead what to use instead. @throws ExitError
 */
export function requireFolder(path: string, instead: string): void {
  if (!/^postgres(ql)?:/i.test(path)) return;
  const message = `This command works on a data folder, not on a store in PostgreSQL: ${instead}.`;
  throw new ExitError(EXIT.WRONG_USAGE, message);
}
