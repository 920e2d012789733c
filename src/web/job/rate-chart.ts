/** The chart of a job's rate, in a chunk of its own: only the page of a job needs uPlot. */
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { rateLabels, timeLabels } from "./axis-labels.js";
import type { RatePoint } from "./rate-samples.js";

export class RateChart {
  readonly #host: HTMLElement;
  readonly #plot: uPlot;
  readonly #resizes: ResizeObserver;
  readonly #schemes = matchMedia("(prefers-color-scheme: dark)");

  constructor(host: HTMLElement, points: readonly RatePoint[]) {
    this.#host = host;
    this.#plot = new uPlot(optionsFor(host), dataOf(points), host);
    this.#resizes = new ResizeObserver(() => this.#plot.setSize(sizeOf(host)));
    this.#resizes.observe(host);
    this.#schemes.addEventListener("change", this.#onScheme);
  }

  show(points: readonly RatePoint[]): void {
    this.#plot.setData(dataOf(points));
  }

  close(): void {
    this.#resizes.disconnect();
    this.#schemes.removeEventListener("change", this.#onScheme);
    this.#plot.destroy();
  }

  /** The plot reads its colours at each redraw. */
  readonly #onScheme = (): void => {
    if (this.#host.isConnected) this.#plot.redraw();
  };
}

function dataOf(points: readonly RatePoint[]): uPlot.AlignedData {
  return [points.map(({ at }) => at / 1_000), points.map(({ rate }) => rate)];
}

function sizeOf(host: HTMLElement): { width: number; height: number } {
  return { width: host.clientWidth, height: host.clientHeight };
}

function optionsFor(host: HTMLElement): uPlot.Options {
  const colour = (name: string) => () => resolvedColour(host, name);
  const axis = {
    stroke: colour("--text-muted"),
    font: `11px ${getComputedStyle(host).fontFamily}`,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    ...sizeOf(host),
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    padding: [8, 28, 0, 0],
    scales: { y: { range: (_, __, most) => [0, Math.max(most, Number.MIN_VALUE) * 1.1] } },
    axes: [
      {
        ...axis,
        size: 24,
        space: 80,
        grid: { show: false },
        values: (_, ticks, __, ___, step) => timeLabels(ticks, step),
      },
      { ...axis, size: 52, space: 32, values: (_, ticks) => rateLabels(ticks) },
    ],
    series: [
      {},
      {
        stroke: colour("--accent"),
        fill: colour("--accent-soft"),
        width: 1.5,
        points: { show: (_, __, first, last) => last - first < 3 },
      },
    ],
  };
}

/** A canvas does not resolve CSS variables, so the colour is read from an element that uses one. */
function resolvedColour(host: HTMLElement, name: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  host.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
