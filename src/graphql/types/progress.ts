import { barText, percentText, type Progress } from "../../tasks/progress.js";
import { builder } from "../builder.js";
import { traits } from "../field-traits.js";
import { checkRange } from "../operations/ranges.js";

export const ProgressType = builder.objectRef<Progress>("Progress").implement({
  description: "Done and total work: the sums over the leaves below.",
  fields: (t) => ({
    done: t.expose("done", { type: "SafeInt", description: "Units of work done. It can exceed `volume`." }),
    volume: t.expose("volume", {
      type: "SafeInt",
      nullable: true,
      description: "Total units of work; null while the volume of any leaf below is unknown.",
    }),
    knownVolume: t.expose("knownVolume", {
      type: "SafeInt",
      description: "The sum of the known volumes: a lower bound that is never null.",
    }),
    ratio: t.exposeFloat("ratio", {
      nullable: true,
      description: "`done` divided by `volume`, 0 to 1; null while the volume is unknown.",
    }),
    percent: t.string({
      description:
        "As printed by gds.listProgress: `42.86%`, `0%`, `100%`, `n/a`; rounded half-even to two decimals, without trailing zeros.",
      resolve: (progress) => percentText(progress),
    }),
    bar: t.string({
      description:
        "As drawn by gds.listProgress: `[####~~~~~~]`, or `[~~~~n/a~~~]` while the volume is unknown.",
      args: {
        width: t.arg.int({
          required: true,
          defaultValue: 10,
          description: "Characters between the brackets, 1 to 100.",
        }),
      },
      ...traits({ checkArguments: checkWidth }),
      resolve: (progress, args) => {
        checkWidth(args);
        return barText(progress, args.width);
      },
    }),
  }),
});

function checkWidth({ width }: { readonly width: number }): void {
  checkRange("width", width, 1, 100);
}
