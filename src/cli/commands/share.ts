import { Option, type Command } from "commander";
import { SHARE_LIFE } from "../../protocol/share-life.js";
import { shareUrl } from "../../protocol/share-url.js";
import type { Output } from "../output.js";
import { sanitizedJson } from "../render/sanitize.js";
import type { Env } from "../server-options.js";
import { durationOption } from "./duration-option.js";
import { addJobArgument, type JobFlags, type JobRequest, jobRequestOf } from "./job-request.js";

export interface ShareJobRequest extends JobRequest {
  readonly expiresInSeconds: number;
}

export type Share = (request: ShareJobRequest) => Promise<void>;

/** Adds `share`, which prints a link that shows one job. */
export function addShareCommand(program: Command, share: Share, env: Env): void {
  addJobArgument(program.command("share"))
    .description("Print a link that shows one job, read-only, to anyone who has the link, until it expires.")
    .addOption(
      new Option("--expires <duration>", "How long the link is valid, from 1m to 30d")
        .argParser(secondsOf)
        .default(SHARE_LIFE.defaultSeconds, "24h"),
    )
    .addHelpText("after", EXAMPLES)
    .action((job: string | undefined, { expires, ...flags }: JobFlags & { readonly expires: number }) =>
      share({ ...jobRequestOf(job, flags, env), expiresInSeconds: expires }),
    );
}

/** @param hint prints a note. @throws ExitError if the job does not exist, TidemarkError if it can't be shared */
export async function printLink(
  { server, name, json, expiresInSeconds }: ShareJobRequest,
  out: Output,
  hint: (text: string) => void,
): Promise<void> {
  const { findJob, notFound } = await import("../actions/find-job.js");
  const { ShareJobDocument, PublicUrlDocument } = await import("../../client/generated/graphql.js");
  const { connection, found } = await findJob(server, name);
  const { shareJob: share } = await connection.request(ShareJobDocument, {
    input: { ...found, expiresInSeconds },
  });
  if (!share) throw notFound(found);
  const { publicUrl } = (await connection.request(PublicUrlDocument, {})).server;
  // Behind a proxy, the address of this command is more exact than the address that the server sees.
  const url = shareUrl(publicUrl ?? connection.url, found, share.token);
  if (json) return out.write(`${sanitizedJson({ ...share, url })}\n`);
  await out.write(`${url}\n`);
  hint(
    share.token === ""
      ? "The server requires no token: anyone who can reach it can open this link, and it does not expire.\n"
      : `Anyone with this link can read the job until ${share.expiresAt}.\n`,
  );
}

function secondsOf(text: string): number {
  const range = { minMs: SHARE_LIFE.minSeconds * 1_000, maxMs: SHARE_LIFE.maxSeconds * 1_000 };
  const expected = "expected a duration from 1m to 30d, such as 24h or 7d";
  return Math.floor(durationOption("--expires", text, range, expected) / 1_000);
}

const EXAMPLES = `
Examples:
  $ tidemark share alice/import-1
  $ tidemark share import-1 --expires 7d
  $ TIDEMARK_TOKEN=tm_… tidemark share import-1 --url https://tools.example/tidemark`;
