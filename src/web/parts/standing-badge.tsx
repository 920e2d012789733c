import type { WatchedJob } from "../../client/index.js";
import { standingOf, STANDING_WORDS, type Standing } from "../jobs/standing.js";
import { Icon } from "./icons.js";

/** A standing as an icon and a word: never by colour alone. */
export function StandingBadge({ standing }: { readonly standing: Standing }) {
  return (
    <span class="standing" data-standing={standing}>
      <Icon shape={standing} />
      {STANDING_WORDS[standing]}
    </span>
  );
}

/** How a job stands; where that is its health, its status is in the title. */
export function JobStanding({ job }: { readonly job: WatchedJob }) {
  const standing = standingOf(job);
  const status = STANDING_WORDS[job.task.status];
  return (
    <span
      class="standing-slot"
      title={
        standing === job.task.status ? undefined : `Its status is ${status}; its worker is not heard of.`
      }
    >
      <StandingBadge standing={standing} />
    </span>
  );
}
