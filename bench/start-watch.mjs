/**
 * Measures the start of the server that it is loaded into (`--import`), from its first request on. On SIGUSR2 it prints a
 * line of JSON with the longest stall of the event loop, the longest garbage collection, and the memory before and after a
 * forced garbage collection. Requires --expose-gc.
 */
import diagnostics from "node:diagnostics_channel";
import { PerformanceObserver } from "node:perf_hooks";

let heldMs = 0;
let collectedMs = 0;

/** A stall counts at most the CPU time of the process, as other processes share the machine. */
function watchLoop() {
  let [sampledAt, workedMs] = [performance.now(), cpuMs()];
  const sample = () => {
    const [now, worked] = [performance.now(), cpuMs()];
    heldMs = Math.max(heldMs, Math.min(now - sampledAt, worked - workedMs));
    [sampledAt, workedMs] = [now, worked];
  };
  setInterval(sample, 1).unref();
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
