/**
 * Watches the start of the server that it is loaded into (`--import`), from the first request on: asked by
 * SIGUSR2 it prints a line of JSON that says how long the event loop was held up at most, how much of that the
 * garbage collector took at most, and the memory in use, before and after all that can be collected is.
 * Run it with --expose-gc.
 */
import diagnostics from "node:diagnostics_channel";
import { PerformanceObserver } from "node:perf_hooks";

let heldMs = 0;
let collectedMs = 0;

/** Of the time that passed between two looks no more counts than the process worked: the machine has others. */
function watchLoop() {
  let [lookedAt, workedMs] = [performance.now(), cpuMs()];
  const look = () => {
    const [now, worked] = [performance.now(), cpuMs()];
    heldMs = Math.max(heldMs, Math.min(now - lookedAt, worked - workedMs));
    [lookedAt, workedMs] = [now, worked];
  };
  setInterval(look, 1).unref();
}

function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function begin() {
  diagnostics.unsubscribe("http.server.request.start", begin);
  watchLoop();
  new PerformanceObserver((list) => {
    collectedMs = Math.max(collectedMs, ...list.getEntries().map(({ duration }) => duration));
  }).observe({ entryTypes: ["gc"] });
}

diagnostics.subscribe("http.server.request.start", begin);

process.on("SIGUSR2", () => {
  const stall = { heldMs, collectedMs };
  const cpu = cpuMs();
  const { rss } = process.memoryUsage();
  globalThis.gc();
  globalThis.gc();
  const after = process.memoryUsage();
  const memory = { rss, heap: after.heapUsed + after.external, rssCollected: after.rss };
  console.log(JSON.stringify({ watched: { ...stall, cpuMs: cpu, ...memory } }));
});
