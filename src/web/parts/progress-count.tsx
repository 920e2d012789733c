import type { WatchedProgress } from "../../client/index.js";
import { shortCount } from "../../format/numbers.js";
import { volumeText } from "../../format/progress.js";

/** `420 / 1,500`, with the slashes and the ends of all rows aligned. */
export function ProgressCount({ progress }: { readonly progress: WatchedProgress }) {
  return (
    <>
      <span>{shortCount(progress.done)}</span>
      <span>/</span>
      <span class="done-volume">{volumeText(progress)}</span>
    </>
  );
}
