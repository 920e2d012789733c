import { limitsInForce } from "../../protocol/limits.js";
import { builder } from "../builder.js";
import type { Services } from "../context.js";

const ServerLimitType = builder.objectRef<readonly [name: string, value: number]>("ServerLimit").implement({
  description: "A limit of the server.",
  fields: (t) => ({
    name: t.string({
      description: 'The name of its setting. For example "tasksPerTreeMax".',
      resolve: ([name]) => name,
    }),
    value: t.field({
      type: "SafeInt",
      description: "The largest value that the server accepts; for `pageSizeDefault`, the default.",
      resolve: ([, value]) => value,
    }),
  }),
});

export const ServerInfoType = builder.objectRef<Services>("ServerInfo").implement({
  description:
    "The server's version and its limits by the names of its settings, so that clients keep within them.",
  fields: (t) => ({
    version: t.exposeString("version", { description: 'The version of Tidemark. For example "1.2.0".' }),
    publicUrl: t.string({
      nullable: true,
      description:
        'The address at which people open the dashboard; null if the operator has not set it. For example "https://tools.example/tidemark".',
      resolve: ({ publicUrl }) => publicUrl || null,
    }),
    limits: t.field({
      type: [ServerLimitType],
      description: "The limits that are on. A limit that is not listed is off.",
      resolve: ({ limits }) => Object.entries(limitsInForce(limits)),
    }),
  }),
});
