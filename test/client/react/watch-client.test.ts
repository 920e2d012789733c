import { expect, it } from "vitest";
import { WatchClient } from "../../../src/client/react/watch-client.js";
import { freePort } from "../../kit/process/free-port.js";
import { startServer } from "../../kit/server/server.js";

it("The hooks use the next server if the first one is dead", async () => {
  await using server = await startServer();
  const client = new WatchClient({ url: [`http://127.0.0.1:${await freePort()}`, server.url] });
  const scope = { database: "default", username: undefined, jobId: undefined, minIntervalMs: 0 };

  const unsubscribe = client.subscribe(scope, () => {});
  await live(client);

  expect(client.getConnection().error).toBeUndefined();
  unsubscribe();
});

async function live(client: WatchClient): Promise<void> {
  await new Promise<void>((resolve) => {
    client.onConnectionChange(() => {
      if (client.getConnection().status === "live") resolve();
    });
  });
}
