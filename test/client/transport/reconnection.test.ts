import { expect, it } from "vitest";
import { Reconnection } from "../../../src/client/transport/reconnection.js";
import { ServerList } from "../../../src/client/transport/server-list.js";

it.each([
  [["a"], ["a", "a", "a", "a", "a"], [375, 750, 1_500]],
  [
    ["a", "b"],
    ["a", "b", "a", "b", "a"],
    [100, 375, 100, 750],
  ],
  [
    ["a", "b", "c"],
    ["a", "b", "c", "a", "b"],
    [100, 100, 375, 100],
  ],
])("A reconnection to %j waits longer only once all servers have failed", async (urls, attempts, delays) => {
  expect(await attemptsOf(urls, 5)).toEqual({ attempts, delays });
});

/** The first attempts, all of which fail, and the delays between them. */
async function attemptsOf(urls: readonly string[], count: number): Promise<object> {
  const servers = new ServerList(urls);
  const attempts: string[] = [];
  const delays: number[] = [];
  const schedule = (delayMs: number, callback: () => void): { cancel: () => void } => {
    delays.push(delayMs);
    setImmediate(callback);
    return { cancel: () => {} };
  };
  const reconnection = new Reconnection(
    {
      attempt: async () => {
        attempts.push(servers.url);
        if (attempts.length === count) reconnection.close();
        return { kind: "unopened" };
      },
      servers,
      mayRenewToken: false,
      onDisconnected: () => {},
      onRejected: () => {},
    },
    { clock: { now: () => 0, schedule }, random: () => 0.5 },
  );
  await reconnection.run();
  return { attempts, delays };
}
