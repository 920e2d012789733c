import type { WatchedProgress } from "../../client/index.js";
import { shortCount } from "../../format/numbers.js";
import { hasCount, volumeText } from "../../format/progress.js";

/** `420 / 1,500`, with the slashes and the ends of all rows aligned; nothing for a task without a count. */
export function ProgressCount({ progress }: { readonly progress: WatchedProgress }) {
  if (!hasCount(progress)) return null;
  return (
    <>
      <span>{shortCount(progress.done)}</span>
      <span>/</span>
      <span class="done-volume">{volumeText(progress)}</span>
    </>
  );
}
