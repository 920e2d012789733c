import { useEffect, useRef } from "preact/hooks";
import type { WatchedJob } from "../../client/index.js";
import { rateText } from "../format/numbers.js";
import { treeRate } from "../jobs/job-facts.js";
import { NOTHING } from "../jobs/texts.js";
import { Instant } from "../parts/instant.js";
import { theme } from "../theme.js";
import type { RateChart } from "./rate-chart.js";
import type { RateSample } from "./rate-samples.js";

interface RatePanelProps {
  readonly job: WatchedJob;
  readonly samples: readonly RateSample[];
}

/** How fast the job goes, since somebody began to look: what was before, the server does not know. */
export function RatePanel({ job, samples }: RatePanelProps) {
  const rate = treeRate(job.task);
  const known = samples.flatMap((sample) => (sample.rate === null ? [] : [sample.rate]));
  if (known.length === 0) return null;
  return (
    <section class="panel rate" aria-labelledby="rate-title">
      <header>
        <h2 id="rate-title">Rate</h2>
        <span class="panel-end number">{rate === null ? NOTHING : rateText(rate)}</span>
      </header>
      {samples.length > 1 && (
        <Chart
          samples={samples}
          label={`Rate over time, between ${rateText(Math.min(...known))} and ${rateText(Math.max(...known))}`}
        />
      )}
      <p class="hint">
        {samples.length > 1
          ? "Watched here since "
          : "A curve appears with the next report. Watched here since "}
        <Instant at={samples[0]!.at} />
      </p>
    </section>
  );
}

/** The library that draws comes when it is needed. */
function Chart({ samples, label }: { readonly samples: readonly RateSample[]; readonly label: string }) {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<RateChart>(undefined);
  const latest = useRef(samples);
  latest.current = samples;
  const shownTheme = theme.value;

  useEffect(() => {
    let isGone = false;
    const draw = async (): Promise<void> => {
      const { RateChart: Drawn } = await import("./rate-chart.js");
      if (!isGone) chart.current = new Drawn(host.current!, latest.current);
    };
    draw().catch(() => {}); // it can't be had now: the rate is there as a number
    return () => {
      isGone = true;
      chart.current?.close();
      chart.current = undefined;
    };
  }, [shownTheme]);
  useEffect(() => chart.current?.show(samples), [samples]);

  return <div ref={host} class="chart" role="img" aria-label={label} />;
}
