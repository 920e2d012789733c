/** The command line of the examples: the server, the name of the job, and its delay. */
import { parseArgs } from "node:util";

/** With a longer delay, the job would become SILENT between two reports. */
const DELAY_MAX_MS = 30_000;

const OPTIONS = {
  url: { type: "string", default: "http://127.0.0.1:4000" },
  database: { type: "string", default: process.env["TIDEMARK_DATABASE"] || "default" },
  user: { type: "string" },
  "job-id": { type: "string" },
  "delay-ms": { type: "string", default: "0" },
  help: { type: "boolean", default: false },
} as const;

const OPTIONS_HELP = `
  --url URL         Report to this server (default: http://127.0.0.1:4000)
  --database NAME   Report to this database (default: TIDEMARK_DATABASE, else default)
  --user NAME       Report as this user (default: the user that the server authenticates)
  --job-id ID       Use this job id (default: the example's name)
  --delay-ms N      Pause after each step, so that you can watch it, 0 to ${DELAY_MAX_MS} (default: 0)
  --help            Print this help`;

/** The parsed options. */
export type JobOptions = {
  readonly url: string;
  readonly database: string;
  /** If undefined, the user that the server authenticates. */
  readonly username: string | undefined;
  readonly jobId: string;
  readonly delayMs: number;
};

/**
 * Parses the command line of the example `name`, which is also the default job id. `operand` is the argument called
 * `operandName`, or empty if the example takes none. For `--help`, prints the help and exits with 0; for an invalid
 * command line, prints the error and exits with 2.
 */
export function readCommandLine(
  name: string,
  operandName = "",
): { readonly options: JobOptions; readonly operand: string } {
  const usage = `Usage: npm run --silent example:${name} -- [options] ${operandName}`.trimEnd();
  try {
    const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
    if (values.help) return printHelp(`${usage}\n${OPTIONS_HELP}`);
    return { options: toJobOptions(name, values), operand: toOperand(operandName, positionals) };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    process.exit(2);
  }
}

function toOperand(operandName: string, operands: readonly string[]): string {
  const [operand = "", ...others] = operands;
  if ((operandName === "") === (operand === "") && others.length === 0) return operand;
  const expected = operandName === "" ? "none" : `one ${operandName}`;
  throw new Error(`Invalid arguments "${operands.join(" ")}": expected ${expected} besides the options.`);
}

function printHelp(help: string): never {
  console.log(help);
  process.exit(0);
}

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

function toJobOptions(name: string, values: Values): JobOptions {
  return {
    url: values.url.replace(/\/+$/, ""),
    database: values.database,
    username: values.user,
    jobId: values["job-id"] ?? name,
    delayMs: toDelayMs(values["delay-ms"]),
  };
}

function toDelayMs(text: string): number {
  const delayMs = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (delayMs <= DELAY_MAX_MS) return delayMs;
  throw new Error(`Invalid --delay-ms "${text}": expected a whole number from 0 to ${DELAY_MAX_MS}.`);
}
