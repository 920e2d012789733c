import type { Position } from "../../protocol/position.js";
import { builder } from "../builder.js";
import type { UserTaskView } from "../context.js";
import { formatCursor, type Page } from "../operations/page.js";
import { UserTaskType } from "./user-task.js";

/** A page of jobs and facts about the whole list, all at one revision. */
export interface UserTaskConnection extends Page {
  readonly now: number;
  readonly position: Position;
  /** Counted only if a client selects it. */
  readonly totalCount: () => number;
}

const PageInfoType = builder.objectRef<Page>("PageInfo").implement({
  description: "Whether there are pages before and after this one.",
  fields: (t) => ({
    hasNextPage: t.exposeBoolean("hasNextPage", {
      description: "Whether there are older jobs; pass `endCursor` as `after` to read them.",
    }),
    hasPreviousPage: t.exposeBoolean("hasPreviousPage", {
      description: "Whether there are newer jobs; pass `startCursor` as `before` to read them.",
    }),
    startCursor: t.string({
      nullable: true,
      description: "The cursor of the first edge; null if the page is empty.",
      resolve: ({ userTasks }) => cursorOf(userTasks.at(0)),
    }),
    endCursor: t.string({
      nullable: true,
      description: "The cursor of the last edge; null if the page is empty.",
      resolve: ({ userTasks }) => cursorOf(userTasks.at(-1)),
    }),
  }),
});

const UserTaskEdgeType = builder.objectRef<UserTaskView>("UserTaskEdge").implement({
  description: "A job and its cursor.",
  fields: (t) => ({
    cursor: t.string({
      description: "Opaque; pass it as `after` or `before`. It stays valid after the job is removed.",
      resolve: ({ userTask }) => formatCursor(userTask.storedStamp.revision),
    }),
    node: t.field({ type: UserTaskType, description: "The job.", resolve: (view) => view }),
  }),
});

export const UserTaskConnectionType = builder.objectRef<UserTaskConnection>("UserTaskConnection").implement({
  description:
    "A Relay cursor connection, most recently stored job first. A cursor is the revision at which a job was stored, so updates do not move jobs, and the cursor of a removed job stays valid. `first` or `last`, 0 to 100; 50 if neither is given.",
  fields: (t) => ({
    edges: t.field({ type: [UserTaskEdgeType], description: "The page, with cursors.", resolve: views }),
    nodes: t.field({ type: [UserTaskType], description: "The page, without cursors.", resolve: views }),
    pageInfo: t.field({
      type: PageInfoType,
      description: "Whether there are pages before and after this one.",
      resolve: (page) => page,
    }),
    totalCount: t.int({
      description: "The number of jobs that match the filter, on all pages.",
      resolve: ({ totalCount }) => totalCount(),
    }),
    position: t.expose("position", {
      type: "Position",
      description:
        "The position of the database. Pass it as `after` when you subscribe, so that you miss no change between the query and the subscription. If you read several pages, use the position of the first.",
    }),
  }),
});

function views({ userTasks, now }: UserTaskConnection): UserTaskView[] {
  return userTasks.map((userTask) => ({ userTask, now }));
}

function cursorOf(userTask: UserTaskView["userTask"] | undefined): string | null {
  return userTask ? formatCursor(userTask.storedStamp.revision) : null;
}
