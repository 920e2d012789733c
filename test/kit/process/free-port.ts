import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on a port
  server.close();
  await once(server, "close");
  return port;
}

/** Starts a program on a free port, and on another one if a third program takes that port first. */
export async function onFreePort<T>(start: (port: number) => Promise<T>, triesLeft = 5): Promise<T> {
  try {
    return await start(await freePort());
  } catch (error) {
    if (triesLeft === 0 || !/address already in use/i.test(String(error))) throw error;
    return onFreePort(start, triesLeft - 1);
  }
}
