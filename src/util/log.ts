/** The log for the operator. pino implements it; messages are written for people. */
export interface Log {
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
  debug(fields: object, message: string): void;
}

export const silentLog: Log = { error() {}, warn() {}, info() {}, debug() {} };
