import { pino, type Logger } from "pino";
import { withoutPassword } from "../util/without-password.js";
import { LineWriter } from "./line-writer.js";

/** Creates the server's log: JSON lines on stdout. At a terminal, only warnings and errors, on stderr. */
export function createLog(level: string): { readonly log: Logger; readonly lines: LineWriter } {
  const isTerminal = process.stdout.isTTY;
  const quietLevel = level === "info" ? "warn" : level;
  const lines = new LineWriter(isTerminal ? 2 : 1, {
    bytesMax: UNWRITTEN_BYTES_MAX,
    onDropped: (count) => log.warn({ lines: count }, DROPPED),
  });
  const write = (line: string): void => lines.write(escapeControlCharacters(line));
  const log = pino({ level: isTerminal ? quietLevel : level }, { write });
  return { log, lines };
}

const UNWRITTEN_BYTES_MAX = 1_024 * 1_024;
const DROPPED = "log lines were dropped here, because the reader of the log did not take them in time";

/**
 * Makes a line of JSON safe to display: escapes control characters and bidirectional overrides, and redacts everything
 * that looks like a token or the password of a URL.
 */
export function escapeControlCharacters(line: string): string {
  return withoutPassword(line.replace(CONTROL_CHARACTERS, escapeCharacter).replace(TOKENS, "$1[token]"));
}

const CONTROL_CHARACTERS = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** A bearer token, a JWT, and a Tidemark token. */
const TOKENS = /(bearer\s+)[\w.~+/-]+=*|\beyJ[\w-]+\.[\w-]+\.[\w-]*|\btm_[\w-]{20,}/gi;

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
