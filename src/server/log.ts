import { destination, pino, type Logger } from "pino";

/**
 * The operator's log: JSON lines. On stdout, where a supervisor collects them; at a terminal, where stdout
 * is for the person, only what needs their eye, on stderr.
 */
export function createLog(level: string): Logger {
  const isTerminal = process.stdout.isTTY;
  const quietLevel = level === "info" ? "warn" : level;
  const lines = destination({ fd: isTerminal ? 2 : 1, sync: true });
  const write = (line: string): void => void lines.write(escapeControlCharacters(line));
  return pino({ level: isTerminal ? quietLevel : level }, { write });
}

/**
 * A line of JSON as it may be shown: what steers a terminal, or turns text around, is written as an escape, as JSON
 * has it for line breaks alone; and what looks like a token is left out, whoever put it there.
 */
export function escapeControlCharacters(line: string): string {
  return line.replace(CONTROL_CHARACTERS, escaped).replace(TOKENS, "$1[token]");
}

const CONTROL_CHARACTERS = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** A bearer token, a JWT wherever it stands, and one of ours. */
const TOKENS = /(bearer\s+)[\w.~+/-]+=*|\beyJ[\w-]+\.[\w-]+\.[\w-]*|\btm_[\w-]{20,}/gi;

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
