import { ORIGIN } from "../../protocol/position.js";
import { parseUsername, type DatabaseName } from "../../tasks/names.js";
import { builder } from "../builder.js";
import {
  FILTER_STATUS_DESCRIPTION,
  FILTER_USERNAME_DESCRIPTION,
  parseFilter,
  parseOptional,
} from "../operations/job-arguments.js";
import { NAMES_PER_PAGE, sizeWithin } from "../operations/ranges.js";
import type { ReadableJobs } from "../operations/scoped-jobs.js";
import { TaskStatusType } from "./enums.js";

export interface Database {
  readonly name: DatabaseName;
  readonly unavailable: () => string | null;
  /** Opens the database if it is closed; the name alone does not need it. @throws NotYetRead */
  readonly jobs: () => ReadableJobs | undefined;
}

export const DatabaseType = builder.objectRef<Database>("Database").implement({
  description: "A database that has jobs, or that cannot be opened.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "The name, lower-cased." }),
    unavailable: t.string({
      nullable: true,
      description:
        "Why the server cannot open the database, and what to do; null if it can, or has not tried yet. An unavailable database shows no jobs.",
      resolve: ({ unavailable }) => unavailable(),
    }),
    position: t.field({
      type: "Position",
      description: "The position of its newest change.",
      resolve: ({ jobs }) => jobs()?.position ?? ORIGIN,
    }),
    activeAt: t.field({
      type: "DateTime",
      nullable: true,
      description:
        "When a worker last stored or reported a job in it, as far as the server knows; null if it has no jobs.",
      resolve: ({ jobs }) => jobs()?.activeAt ?? null,
    }),
    taskCount: t.int({
      description: "The number of jobs.",
      args: {
        username: t.arg.string({ description: FILTER_USERNAME_DESCRIPTION }),
        status: t.arg({ type: [TaskStatusType], description: FILTER_STATUS_DESCRIPTION }),
      },
      resolve: ({ jobs }, args, { services }) => jobs()?.taskCount(parseFilter(args, services.limits)) ?? 0,
    }),
    usernames: t.stringList({
      description:
        "The users that have jobs in it, in alphabetical order. To read the next page, set `after` to the last name.",
      args: {
        first: t.arg.int({
          required: true,
          defaultValue: NAMES_PER_PAGE.defaultValue,
          description: "Maximum number of names, from 0.",
        }),
        after: t.arg.string({ description: 'Only names after this one; all if empty. For example "alice".' }),
      },
      resolve: ({ jobs }, { first, after }, { services: { limits } }) => {
        const size = sizeWithin("first", first, NAMES_PER_PAGE, limits);
        return jobs()?.usernames(size, parseOptional(parseUsername, after || null, limits)) ?? [];
      },
    }),
  }),
});
