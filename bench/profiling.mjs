/** Profiles where this process spends its time, by function and by package (or directory of Tidemark). */
import { Session } from "node:inspector/promises";

const SAMPLE_MICROS = 250;
const FUNCTIONS_SHOWN = 15;

const session = new Session();

export async function startProfile() {
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: SAMPLE_MICROS });
  await session.post("Profiler.start");
}

/** Shares of the busy time. The share of a function excludes its callees. */
export async function stopProfile() {
  const { profile } = await session.post("Profiler.stop");
  session.disconnect();
  const busy = profile.nodes.filter(({ callFrame }) => callFrame.functionName !== "(idle)");
  return {
    functions: sharesBy(functionOf, busy).slice(0, FUNCTIONS_SHOWN),
    packages: sharesBy(packageOf, busy),
  };
}

function sharesBy(nameOf, nodes) {
  const hits = new Map();
  let all = 0;
  for (const { callFrame, hitCount } of nodes) {
    const name = nameOf(callFrame);
    hits.set(name, (hits.get(name) ?? 0) + hitCount);
    all += hitCount;
  }
  return [...hits]
    .map(([name, count]) => ({ name, percent: Number(((100 * count) / all).toFixed(1)) }))
    .filter(({ percent }) => percent > 0)
    .toSorted((a, b) => b.percent - a.percent);
}

function functionOf({ functionName, url, lineNumber }) {
  const place = url.split("/").slice(-2).join("/");
  return `${functionName || "(anonymous)"} ${place && `${place}:${lineNumber + 1}`}`.trim();
}

function packageOf({ functionName, url }) {
  if (url.startsWith("node:")) return "Node's JavaScript";
  if (url === "") return functionName.startsWith("(") ? functionName : "native";
  const [, inside] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
  return inside ?? /.*\/((?:dist|bench)\/[^/]+)/.exec(url)?.[1] ?? url;
}
