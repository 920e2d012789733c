import type { LogEntry } from "../../tasks/user-task.js";
import { builder } from "../builder.js";
import { LogLevelType } from "./enums.js";

export const LogEntryType = builder.objectRef<LogEntry>("LogEntry").implement({
  description: "A line of a job's log, for people.",
  fields: (t) => ({
    at: t.expose("at", { type: "DateTime", description: "When the server took it." }),
    level: t.expose("level", { type: LogLevelType, description: "How important it is." }),
    path: t.exposeString("path", {
      description: "The path of the task that it is about; empty for the root.",
    }),
    message: t.exposeString("message", {
      description: "The text as the worker gave it: whoever shows it makes it harmless.",
    }),
  }),
});
