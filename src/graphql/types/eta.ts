import type { Eta } from "../../tasks/eta.js";
import { builder } from "../builder.js";

export const EtaType = builder.objectRef<Eta>("Eta").implement({
  description: "When a job may end, as a range.",
  fields: (t) => ({
    earliest: t.expose("earliest", { type: "DateTime", description: "Hardly before this." }),
    likely: t.expose("likely", { type: "DateTime", description: "The best guess." }),
    latest: t.expose("latest", { type: "DateTime", description: "Hardly after this." }),
  }),
});
