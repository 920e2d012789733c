import { useRef } from "preact/hooks";
import type { WatchedProgress } from "../../client/index.js";
import { ratioOf } from "../jobs/job-facts.js";
import type { DisplayStatus } from "../../format/display-status.js";

export interface BarProps {
  readonly progress: WatchedProgress;
  readonly status: DisplayStatus;
  /** For screen readers. */
  readonly label: string;
}

/**
 * A progress bar that shows only what the worker reported, without extrapolation. While the volume is unknown the bar
 * is hatched, and the hatching moves with each report.
 */
export function Bar({ progress, status, label }: BarProps) {
  const ratio = ratioOf(progress);
  const step = useReportCount(progress);
  const isUnknown = ratio === null && status !== "PENDING";
  return (
    <div
      class="bar"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={ratio === null ? undefined : Math.round(ratio * 100)}
      aria-valuetext={ratio === null ? "volume unknown" : progress.percent}
      data-status={status}
      data-unknown={isUnknown || undefined}
    >
      <div
        class="bar-fill"
        style={
          isUnknown ? { backgroundPositionX: `${(step % 4) * 3}px` } : { transform: `scaleX(${ratio ?? 0})` }
        }
      />
    </div>
  );
}

/** Counts the changes of `done` since the bar was mounted. */
function useReportCount(progress: WatchedProgress): number {
  const seen = useRef({ progress, count: 0 });
  if (seen.current.progress.done !== progress.done)
    seen.current = { progress, count: seen.current.count + 1 };
  return seen.current.count;
}
