/**
 * The child's side of `ServerProcess` (server-process.ts): a server or a load client sends its URL, answers requests over
 * the IPC channel, and exits with that channel.
 */
import { startProfile, stopProfile } from "./profiling.mjs";
import { publish } from "./delivery/publish.mjs";

/** @param answers maps the names of further requests to functions of their arguments */
export function answerRequests(url, answers = {}) {
  const { update } = answers;
  const own = { cpu, memory, startProfile, stopProfile, publish: (given) => publish(given, update) };
  const all = { ...own, ...answers };
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

/** User and system CPU time of the process so far, in microseconds. */
function cpu() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Bytes in use after garbage collection (if the process was started with --expose-gc). */
function memory() {
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed + external };
}
