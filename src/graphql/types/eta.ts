import { builder } from "../builder.js";

/** When a job may end, milliseconds since 1970. */
export interface Eta {
  readonly earliest: number;
  readonly likely: number;
  readonly latest: number;
}

export const EtaType = builder.objectRef<Eta>("Eta").implement({
  description: "When a job may end, as a range.",
  fields: (t) => ({
    earliest: t.expose("earliest", { type: "DateTime", description: "Hardly before this." }),
    likely: t.expose("likely", { type: "DateTime", description: "The best guess." }),
    latest: t.expose("latest", { type: "DateTime", description: "Hardly after this." }),
  }),
});
