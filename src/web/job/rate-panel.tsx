import { useEffect, useRef } from "preact/hooks";
import { rateText } from "../../format/numbers.js";
import { Instant } from "../parts/instant.js";
import { theme } from "../theme.js";
import type { MeasuredRate } from "./job-watch.js";
import type { RateChart } from "./rate-chart.js";
import type { RatePoint } from "./rate-samples.js";

/** The rate since the page was opened; the server keeps no earlier rates. */
export function RatePanel({ measured: { since, points } }: { readonly measured: MeasuredRate }) {
  const latest = points.at(-1);
  if (since === undefined || points.length < POINTS_MIN || !latest) return null;
  const rates = points.map(({ rate }) => rate);
  return (
    <section class="panel rate" aria-labelledby="rate-title">
      <header>
        <h2 id="rate-title">Rate</h2>
        <span class="panel-end hint">
          since&nbsp;
          <Instant at={since} />
        </span>
      </header>
      <Chart
        points={points}
        label={`Rate over time: between ${rateText(Math.min(...rates))} and ${rateText(Math.max(...rates))}, at last ${rateText(latest.rate)}`}
      />
    </section>
  );
}

/** The fewest points that make a curve. */
const POINTS_MIN = 3;

/** Loads the chart library on demand. */
function Chart({ points, label }: { readonly points: readonly RatePoint[]; readonly label: string }) {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<RateChart>(undefined);
  const latest = useRef(points);
  latest.current = points;
  const shownTheme = theme.value;

  useEffect(() => {
    let isGone = false;
    const draw = async (): Promise<void> => {
      const { RateChart: Drawn } = await import("./rate-chart.js");
      if (!isGone) chart.current = new Drawn(host.current!, latest.current);
    };
    draw().catch(() => {}); // the rate stays visible as a number
    return () => {
      isGone = true;
      chart.current?.close();
      chart.current = undefined;
    };
  }, [shownTheme]);
  useEffect(() => chart.current?.show(points), [points]);

  return <div ref={host} class="chart" role="img" aria-label={label} />;
}
