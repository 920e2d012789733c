import { builder } from "../builder.js";
import type { UserTaskView } from "../context.js";
import { formatUserTaskId } from "../operations/node-id.js";

/** What `node` finds; jobs are all there is. */
export const NodeType = builder.interfaceRef<UserTaskView>("Node").implement({
  description: "Something that can be found again by its id alone.",
  resolveType: () => "UserTask",
  fields: (t) => ({
    id: t.id({
      description: "Opaque; hand it to `node`.",
      resolve: ({ userTask }) => formatUserTaskId(userTask),
    }),
  }),
});
