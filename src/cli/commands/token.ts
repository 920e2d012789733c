import { InvalidArgumentError, Option, type Command } from "commander";
import { ConfigError } from "../../config/config-error.js";
import { parseDuration } from "../../util/duration.js";
import type { RuntimeEnvironment } from "./serve.js";

/** The grant of a token, as the tokens file stores it. */
export interface TokenSummary {
  readonly id: string;
  readonly username: string;
  readonly role: string;
  readonly databases: readonly string[];
  readonly job?: JobName | undefined;
  /** The user who shared the job. */
  readonly sharedBy?: string | undefined;
  readonly createdAt: string;
  readonly expiresAt?: string | undefined;
  readonly note?: string | undefined;
}

/** The grant of a token to create. */
export interface NewToken {
  readonly username: string;
  readonly role: Role;
  readonly databases: readonly string[];
  readonly note?: string | undefined;
  readonly lifeMs?: number | undefined;
}

/** The operations on a tokens file. */
export interface TokenActions {
  create(path: string, grant: NewToken): Promise<{ readonly token: string }>;
  list(path: string): Promise<readonly TokenSummary[]>;
  revoke(path: string, id: string): Promise<void>;
}

interface JobName {
  readonly database: string;
  readonly username: string;
  readonly jobId: string;
}

/** Adds `token create`, `token list` and `token revoke`, which manage the file of `--auth tokens:FILE`. */
export function addTokenCommands(
  program: Command,
  actions: TokenActions,
  environment: RuntimeEnvironment,
): void {
  const token = program
    .command("token")
    .description("Create, list and revoke the tokens of a server that runs with --auth tokens:FILE.");
  addCreate(token, actions, environment);
  addList(token, actions, environment);
  addRevoke(token, actions, environment);
}

const ROLES = ["viewer", "reporter", "admin"] as const;
type Role = (typeof ROLES)[number];

function addCreate(token: Command, actions: TokenActions, environment: RuntimeEnvironment): void {
  token
    .command("create <username>")
    .description("Create a token for a user and print it. The token is shown only once.")
    .addOption(fileOption(environment))
    .addOption(
      new Option(
        "--role <role>",
        "viewer may read the user's own jobs, reporter may also report them, admin may do everything",
      )
        .choices(ROLES)
        .default("viewer"),
    )
    .option("--databases <names>", "Databases that the token permits, such as movies,staging-*", "*")
    .option("--expires <duration>", "Lifetime of the token (default: until revoked)", lifeMs)
    .option("--note <text>", "Purpose of the token, shown by token list")
    .action(async (username: string, flags: CreateFlags) => {
      const databases = flags.databases.split(",").map((name) => name.trim());
      const grant = { username, role: flags.role, databases, note: flags.note, lifeMs: flags.expires };
      const { token: created } = await actions.create(pathIn(flags.auth), grant);
      environment.print(`${created}\n`); // alone, so that a script can use it
    });
}

interface CreateFlags {
  readonly auth: string;
  readonly role: Role;
  readonly databases: string;
  readonly expires?: number;
  readonly note?: string;
}

function addList(token: Command, { list }: TokenActions, environment: RuntimeEnvironment): void {
  token
    .command("list")
    .description("List the tokens with their users and permissions. The tokens themselves are not stored.")
    .addOption(fileOption(environment))
    .action(async ({ auth }: { auth: string }) => {
      const tokens = await list(pathIn(auth));
      for (const summary of tokens) environment.print(`${describe(summary)}\n`);
    });
}

function addRevoke(token: Command, { revoke }: TokenActions, environment: RuntimeEnvironment): void {
  token
    .command("revoke <id>")
    .description(
      "Revoke the token with this id. Within a second, the server closes all connections that use it.",
    )
    .addOption(fileOption(environment))
    .action(async (id: string, { auth }: { auth: string }) => {
      await revoke(pathIn(auth), id);
      environment.print(`Revoked ${id}.\n`);
    });
}

function fileOption({ env }: RuntimeEnvironment): Option {
  const option = new Option(
    "--auth <tokens:FILE>",
    "File with the tokens, as in the setting of the server (env TIDEMARK_AUTH)",
  );
  const given = env["TIDEMARK_AUTH"];
  return given ? option.default(given) : option.makeOptionMandatory();
}

function pathIn(auth: string): string {
  const [, path] = /^tokens:(.+)$/s.exec(auth) ?? [];
  if (path !== undefined) return path;
  throw new ConfigError("--auth", auth, "expected tokens:FILE, because this command edits a tokens file");
}

function lifeMs(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message); // a RangeError
  }
}

function describe({ id, username, role, databases, job, sharedBy, expiresAt, note }: TokenSummary): string {
  const what = job
    ? `job ${job.jobId} of ${job.username} in ${job.database}`
    : `databases ${databases.join(",")}`;
  const until = expiresAt === undefined ? "until revoked" : `until ${expiresAt}`;
  const by = sharedBy === undefined ? [] : [`shared by ${sharedBy}`];
  return [id, username, role, what, until, ...by, ...(note === undefined ? [] : [note])].join("  ");
}
