/**
 * What makes a process measurable: a server, or a load client, that is started by `ServerProcess`
 * (server-process.ts) says where it listens, and answers what it is asked over the channel between the two. It
 * ends with that channel.
 */
import { Session } from "node:inspector/promises";

/** @param answers what this process can be asked besides: name of the question → function of what is given. */
export function answerAsked(url, answers = {}) {
  const all = { cpu, memory, startProfile, stopProfile, ...answers };
  process.on("message", async ({ id, ask, ...given }) => {
    try {
      process.send({ id, answer: (await all[ask](given)) ?? null });
    } catch (error) {
      process.send({ id, error: String(error?.stack ?? error) });
    }
  });
  process.on("disconnect", () => process.exit());
  process.send({ url });
}

/** CPU time that the process took so far, its system calls included, in microseconds. */
function cpu() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Bytes, after all that can be collected is collected (where the process was started with --expose-gc). */
function memory() {
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed + external };
}

const session = new Session();
const SAMPLE_MICROS = 250;

async function startProfile() {
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: SAMPLE_MICROS });
  await session.post("Profiler.start");
}

/** The functions in which most of the time was spent, with their share of the time that was not idle. */
async function stopProfile() {
  const { profile } = await session.post("Profiler.stop");
  session.disconnect();
  const samples = new Map();
  let busy = 0;
  for (const { callFrame, hitCount } of profile.nodes) {
    if (callFrame.functionName === "(idle)") continue;
    const name = nameOf(callFrame);
    samples.set(name, (samples.get(name) ?? 0) + hitCount);
    busy += hitCount;
  }
  return [...samples]
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, hits]) => ({ function: name, percent: Number(((100 * hits) / busy).toFixed(1)) }));
}

function nameOf({ functionName, url, lineNumber }) {
  const place = url.split("/").slice(-2).join("/");
  return `${functionName || "(anonymous)"} ${place === "" ? "" : `${place}:${lineNumber + 1}`}`.trim();
}
