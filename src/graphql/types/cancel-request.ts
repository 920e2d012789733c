import type { CancelRequest } from "../../tasks/user-task.js";
import { builder } from "../builder.js";

export const CancelRequestType = builder.objectRef<CancelRequest>("CancelRequest").implement({
  description: "Somebody wants the job to stop. The worker answers with CANCELED, or ends otherwise.",
  fields: (t) => ({
    at: t.expose("at", { type: "DateTime", description: "When it was asked for." }),
    by: t.exposeString("by", { description: "Who asked." }),
    reason: t.exposeString("reason", { nullable: true, description: "Why, when that was said." }),
  }),
});
