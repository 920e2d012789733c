import type { Position } from "../../protocol/position.js";
import { builder } from "../builder.js";
import type { UserTaskView } from "../context.js";
import { formatCursor, type Page } from "../operations/page.js";
import { UserTaskType } from "./user-task.js";

/** A page of jobs, and what is said about the whole list: all at one revision. */
export interface UserTaskConnection extends Page {
  /** The instant that the jobs are shown as of. */
  readonly now: number;
  readonly position: Position;
  /** Counted only when it is asked for. */
  readonly totalCount: () => number;
}

const PageInfoType = builder.objectRef<Page>("PageInfo").implement({
  description: "What lies before and after a page.",
  fields: (t) => ({
    hasNextPage: t.exposeBoolean("hasNextPage", {
      description: "Whether there are older jobs: hand `endCursor` back in `after`.",
    }),
    hasPreviousPage: t.exposeBoolean("hasPreviousPage", {
      description: "Whether there are newer jobs: hand `startCursor` back in `before`.",
    }),
    startCursor: t.string({
      nullable: true,
      description: "The cursor of the page's first edge; null when it is empty.",
      resolve: ({ userTasks }) => cursorOf(userTasks.at(0)),
    }),
    endCursor: t.string({
      nullable: true,
      description: "The cursor of the page's last edge; null when it is empty.",
      resolve: ({ userTasks }) => cursorOf(userTasks.at(-1)),
    }),
  }),
});

const UserTaskEdgeType = builder.objectRef<UserTaskView>("UserTaskEdge").implement({
  description: "A job in its place in the list.",
  fields: (t) => ({
    cursor: t.string({
      description: "Opaque; hand it back in `after` or `before`. It works also once the job is removed.",
      resolve: ({ userTask }) => formatCursor(userTask.storedStamp.revision),
    }),
    node: t.field({ type: UserTaskType, description: "The job.", resolve: (view) => view }),
  }),
});

export const UserTaskConnectionType = builder.objectRef<UserTaskConnection>("UserTaskConnection").implement({
  description:
    "A Relay cursor connection, newest store first. The cursor is the revision of the store, so updates move nothing and a removed job's cursor still works. `first` or `last`, 1 to 100; 50 when neither is given.",
  fields: (t) => ({
    edges: t.field({ type: [UserTaskEdgeType], description: "The page, with cursors.", resolve: views }),
    nodes: t.field({ type: [UserTaskType], description: "The page, without cursors.", resolve: views }),
    pageInfo: t.field({
      type: PageInfoType,
      description: "What lies before and after the page.",
      resolve: (page) => page,
    }),
    totalCount: t.int({
      description: "How many jobs the filter lets through, on all pages.",
      resolve: ({ totalCount }) => totalCount(),
    }),
    position: t.expose("position", {
      type: "Position",
      description:
        "Subscribe with `after` set to this and nothing falls between the query and the subscription. Of several pages keep the first one's.",
    }),
  }),
});

function views({ userTasks, now }: UserTaskConnection): UserTaskView[] {
  return userTasks.map((userTask) => ({ userTask, now }));
}

function cursorOf(userTask: UserTaskView["userTask"] | undefined): string | null {
  return userTask ? formatCursor(userTask.storedStamp.revision) : null;
}
