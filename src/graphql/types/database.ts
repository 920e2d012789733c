import { ORIGIN } from "../../protocol/position.js";
import { parseUsername, type DatabaseName } from "../../tasks/names.js";
import { builder } from "../builder.js";
import {
  FILTER_STATUS_DESCRIPTION,
  FILTER_USERNAME_DESCRIPTION,
  parseFilter,
  parseOptional,
} from "../operations/job-arguments.js";
import { checkSize } from "../operations/ranges.js";
import type { ReadableJobs } from "../operations/scoped-jobs.js";
import { TaskStatusType } from "./enums.js";

/** A database that has jobs. */
export interface Database {
  readonly name: DatabaseName;
  /** Opened only when more than the name is asked for. @throws NotYetRead */
  readonly jobs: () => ReadableJobs | undefined;
}

export const DatabaseType = builder.objectRef<Database>("Database").implement({
  description: "A database that has jobs.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "Its name, lower-cased." }),
    position: t.field({
      type: "Position",
      description: "The position of its newest change.",
      resolve: ({ jobs }) => jobs()?.position ?? ORIGIN,
    }),
    taskCount: t.int({
      description: "How many jobs it has.",
      args: {
        username: t.arg.string({ description: FILTER_USERNAME_DESCRIPTION }),
        status: t.arg({ type: [TaskStatusType], description: FILTER_STATUS_DESCRIPTION }),
      },
      resolve: ({ jobs }, args, { services }) => jobs()?.taskCount(parseFilter(args, services.limits)) ?? 0,
    }),
    usernames: t.stringList({
      description: "The users that have jobs in it, by name; `after` is the last name you have.",
      args: {
        first: t.arg.int({ required: true, defaultValue: 100, description: "How many, from 1." }),
        after: t.arg.string({ description: 'Only names after this one. For example "alice".' }),
      },
      resolve: ({ jobs }, { first, after }, { services: { limits } }) => {
        checkSize("first", first, "pageSizeMax", limits);
        return jobs()?.usernames(first, parseOptional(parseUsername, after, limits)) ?? [];
      },
    }),
  }),
});
