import type { Log } from "../../../src/util/log.js";

/** Records log lines. */
export class RecordingLog implements Log {
  readonly lines: { readonly level: keyof Log; readonly fields: object; readonly message: string }[] = [];

  error(fields: object, message: string): void {
    this.lines.push({ level: "error", fields, message });
  }

  warn(fields: object, message: string): void {
    this.lines.push({ level: "warn", fields, message });
  }

  info(fields: object, message: string): void {
    this.lines.push({ level: "info", fields, message });
  }

  debug(fields: object, message: string): void {
    this.lines.push({ level: "debug", fields, message });
  }
}
