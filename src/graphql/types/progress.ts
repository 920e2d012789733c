import { barText, percentText, type Progress } from "../../tasks/progress.js";
import { builder } from "../builder.js";
import { checkRange } from "../operations/ranges.js";

/** The numbers of a task, and the two texts that Neo4j GDS makes of them. */
export const ProgressType = builder.objectRef<Progress>("Progress").implement({
  description: "Work done against work known: the sums of the leaves below.",
  fields: (t) => ({
    done: t.expose("done", { type: "SafeInt", description: "Units of work done. May pass `volume`." }),
    volume: t.expose("volume", {
      type: "SafeInt",
      nullable: true,
      description: "Units of work in all; null while any leaf below has an unknown volume.",
    }),
    knownVolume: t.expose("knownVolume", {
      type: "SafeInt",
      description: "The sum of the volumes that are known: a lower bound that never blanks.",
    }),
    ratio: t.exposeFloat("ratio", {
      nullable: true,
      description: "Done by volume, 0 to 1; null while the volume is unknown.",
    }),
    percent: t.string({
      description:
        "As gds.listProgress prints it: `42.86%`, `0%`, `100%`, `n/a`; rounded half-even to two decimals, no trailing zeros.",
      resolve: (progress) => percentText(progress),
    }),
    bar: t.string({
      description:
        "As gds.listProgress draws it: `[####~~~~~~]`, or `[~~~~n/a~~~]` while the volume is unknown.",
      args: {
        width: t.arg.int({
          required: true,
          defaultValue: 10,
          description: "Characters between the brackets, 1 to 100.",
        }),
      },
      resolve: (progress, { width }) => {
        checkRange("width", width, 1, 100);
        return barText(progress, width);
      },
    }),
  }),
});
