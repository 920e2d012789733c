import type { Sample } from "./sampler.js";

const [WIDTH, PANEL_HEIGHT, LEFT, RIGHT, GAP] = [900, 130, 70, 130, 40];

/** The content of one panel: lines over time, with a linear scale from 0 or a logarithmic one from 1. */
interface Panel {
  readonly title: string;
  readonly isLogarithmic?: boolean;
  readonly lines: Readonly<Record<string, keyof Sample>>;
}

const PANELS: readonly Panel[] = [
  { title: "Memory, MB", lines: { process: "rssMb", heap: "heapMb" } },
  { title: "Open descriptors", lines: { descriptors: "descriptors" } },
  { title: "Data folder, MB", lines: { disk: "diskMb" } },
  {
    title: "Slowest answer in a second, ms",
    isLogarithmic: true,
    lines: { updateTask: "updateMs", "/health": "healthMs" },
  },
];

const COLORS = ["#1f77b4", "#d9822b"];

/** A plot of the samples as SVG. */
export function plotOf(samples: readonly Sample[]): string {
  const measured = PANELS.filter(({ lines }) =>
    Object.values(lines).some((key) => samples.some((sample) => sample[key] !== undefined)),
  );
  const height = measured.length * (PANEL_HEIGHT + GAP) + GAP;
  const panels = measured.map((panel, at) => panelOf(panel, samples, GAP + at * (PANEL_HEIGHT + GAP)));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
${panels.join("\n")}
</svg>
`;
}

function panelOf(
  { title, isLogarithmic = false, lines }: Panel,
  samples: readonly Sample[],
  top: number,
): string {
  const keys = Object.values(lines);
  const scaled = (value: number): number => (isLogarithmic ? Math.log10(Math.max(1, value)) : value);
  const values = samples.flatMap((sample) => keys.flatMap((key) => sample[key] ?? []));
  const highest = Math.max(1, ...values.map((value) => scaled(Number(value))));
  const seconds = Math.max(1, samples.at(-1)?.at ?? 0);
  const x = (at: number): string => (LEFT + (at / seconds) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const y = (value: number): string => (top + PANEL_HEIGHT * (1 - scaled(value) / highest)).toFixed(1);
  const ticks = isLogarithmic ? [1, 10, 100, 1_000, 10_000] : [0, highest / 2, highest];
  const fitting = ticks.filter((tick) => scaled(tick) <= highest);
  const grid = fitting.map(
    (tick) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(tick)}" y2="${y(tick)}" stroke="#ddd"/>` +
      `<text x="${LEFT - 6}" y="${y(tick)}" dy="4" text-anchor="end">${Math.round(tick)}</text>`,
  );
  const minutes = [0, 0.25, 0.5, 0.75, 1].map((share) => share * seconds);
  const times = minutes.map(
    (at) =>
      `<text x="${x(at)}" y="${top + PANEL_HEIGHT + 15}" text-anchor="middle">${(at / 60).toFixed(1)} min</text>`,
  );
  const drawn = Object.entries(lines).map(([name, key], at) => {
    const shown = samples.filter((sample) => sample[key] !== undefined);
    const points = shown.map((sample) => `${x(sample.at)},${y(Number(sample[key]))}`).join(" ");
    const color = COLORS[at];
    return (
      `<polyline points="${points}" fill="none" stroke="${color}" stroke-width="1.2"/>` +
      `<text x="${WIDTH - RIGHT + 8}" y="${top + 14 + at * 16}" fill="${color}">${name}</text>`
    );
  });
  const head = `<text x="${LEFT}" y="${top - 8}" font-weight="bold">${title}</text>`;
  return [head, ...grid, ...times, ...drawn].join("\n");
}
