/**
 * What makes a process measurable: a server, or a load client, that is started by `ServerProcess`
 * (server-process.ts) says where it listens, and answers what it is asked over the channel between the two. It
 * ends with that channel.
 */
import { startProfile, stopProfile } from "./profiling.mjs";
import { publish } from "./delivery/publish.mjs";

/** @param answers what this process can be asked besides: name of the question → function of what is given. */
export function answerAsked(url, answers = {}) {
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
