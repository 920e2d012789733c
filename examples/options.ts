/** The command line of the examples: where a job is reported, under which name, and how slowly it works. */
import { parseArgs } from "node:util";

/** Any longer, and the job would count as silent before its next report. */
const DELAY_MAX_MS = 30_000;

const OPTIONS = {
  url: { type: "string", default: "http://127.0.0.1:4000" },
  database: { type: "string", default: "demo" },
  user: { type: "string" },
  "job-id": { type: "string" },
  "delay-ms": { type: "string", default: "0" },
  help: { type: "boolean", default: false },
} as const;

const OPTIONS_HELP = `
  --url URL         the server (default: http://127.0.0.1:4000)
  --database NAME   the database to report to (default: demo)
  --user NAME       the user to report as (default: the one the server knows you as)
  --job-id ID       the job id (default: the example's name)
  --delay-ms N      pause after each step, to watch it; at most ${DELAY_MAX_MS} (default: 0)
  --help            this text`;

/** Where a job is reported and how slowly it works. */
export type JobOptions = {
  readonly url: string;
  readonly database: string;
  /** Left to the server when undefined. */
  readonly username: string | undefined;
  readonly jobId: string;
  readonly delayMs: number;
};

/**
 * Reads the command line of the example `name`, which is also the default job id; `operand` is the argument
 * called `operandName`, or empty where none is taken. Prints the help and exits with 0 when asked to; says what
 * is wrong and exits with 2 when something is.
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

function toOperand(operandName: string, [operand = "", ...others]: readonly string[]): string {
  const isAsNeeded = (operandName === "") === (operand === "") && others.length === 0;
  if (isAsNeeded) return operand;
  throw new Error(
    `It takes ${operandName === "" ? "no argument" : `one argument, ${operandName},`} besides the options.`,
  );
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
  throw new Error(`--delay-ms takes a whole number from 0 to ${DELAY_MAX_MS}, not ${text}.`);
}
