import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A network between a client and a server that can be cut. */
export class SeverableProxy implements AsyncDisposable {
  readonly #server = createServer((socket) => this.#pass(socket));
  readonly #port: number;
  readonly #sockets = new Set<Socket>();

  /** @param url of the server behind it. */
  static async open(url: string): Promise<SeverableProxy> {
    const proxy = new SeverableProxy(Number(new URL(url).port));
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  private constructor(port: number) {
    this.#port = port;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo; // it listens on a port
    return `http://127.0.0.1:${port}`;
  }

  /** Cuts every connection, on both sides at once; new ones can be made. */
  sever(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.sever();
    await once(this.#server, "close");
  }

  #pass(client: Socket): void {
    const server = connect(this.#port, "127.0.0.1");
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.pipe(other);
      socket.on("error", () => {}); // the close that follows is what counts
      socket.once("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }
}
