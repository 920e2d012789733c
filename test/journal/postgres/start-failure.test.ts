/** What an operator reads when the store cannot be used. Needs no PostgreSQL: the peers are sockets that say what it would. */
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { openPostgres } from "../../kit/journal/postgres-journals.js";

/** AuthenticationSASL and AuthenticationSASLContinue, with which PostgreSQL asks for a password. */
const OFFERS_SCRAM = Buffer.from("R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0", "latin1");
const ASKS_FOR_PASSWORD = Buffer.from("R\0\0\0\x09\0\0\0\x0br", "latin1");

let peer: Server | undefined;

afterEach(() => peer?.close());

describe("a store that cannot be used", () => {
  it("says how to give a password, and leaves no connection open", async () => {
    const sockets: Socket[] = [];
    const url = await listen((socket) => {
      sockets.push(socket);
      socket.once("data", () => {
        socket.write(OFFERS_SCRAM);
        socket.once("data", () => socket.write(ASKS_FOR_PASSWORD));
      });
    });

    await expect(openPostgres(url)).rejects.toThrow(
      "PostgreSQL asks for a password: set PGPASSWORD or ~/.pgpass.",
    );
    await expect.poll(() => sockets.every(({ closed }) => closed)).toBe(true);
  });

  it("asks to check the port if the peer closes the connection", async () => {
    const url = await listen((socket) => socket.once("data", () => socket.end()));

    await expect(openPostgres(url)).rejects.toThrow(
      "the server closed the connection. Check that the host and port are those of PostgreSQL.",
    );
  });

  it("says that a URL has one host", async () => {
    await expect(openPostgres("postgres://role@a:1,b:2/jobs")).rejects.toThrow("with one host");
  });
});

async function listen(onConnection: (socket: Socket) => void): Promise<string> {
  peer = createServer((socket) => {
    socket.on("error", () => {});
    onConnection(socket);
  }).listen(0, "127.0.0.1");
  await once(peer, "listening");
  const { port } = peer.address() as AddressInfo; // safe: it listens on TCP
  return `postgres://role@127.0.0.1:${port}/jobs`;
}
