import type { MemoryRange } from "../../tasks/user-task.js";
import { builder } from "../builder.js";

export const MemoryRangeType = builder.objectRef<MemoryRange>("MemoryRange").implement({
  description: "The memory that a job was estimated to need.",
  fields: (t) => ({
    minBytes: t.expose("minBytes", { type: "SafeInt", description: "At least this many bytes." }),
    maxBytes: t.expose("maxBytes", { type: "SafeInt", description: "At most this many bytes." }),
  }),
});
