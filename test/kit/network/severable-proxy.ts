import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface ProxyOptions {
  /** Cuts who asks for a WebSocket, as some networks do. */
  readonly refusesWebSockets?: boolean;
}

/** A network between a client and a server that can be cut, held up, or lead to another server. */
export class SeverableProxy implements AsyncDisposable {
  readonly #server = createServer((socket) => this.#pass(socket));
  readonly #options: ProxyOptions;
  #port: number;
  readonly #sockets = new Set<Socket>();
  readonly #others = new WeakMap<Socket, Socket>();
  readonly #held = new WeakMap<Socket, Held>();
  #isShut = false;

  /** @param url of the server behind it. */
  static async open(url: string, options: ProxyOptions = {}): Promise<SeverableProxy> {
    const proxy = new SeverableProxy(portOf(url), options);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  private constructor(port: number, options: ProxyOptions) {
    this.#port = port;
    this.#options = options;
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo; // it listens on a port
    return `http://127.0.0.1:${port}`;
  }

  /** Connections that are open, each counted once a side. */
  get socketCount(): number {
    return this.#sockets.size;
  }

  /** Cuts every connection, on both sides at once; new ones can be made. */
  sever(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Severs, and cuts new connections too. */
  shut(): void {
    this.#isShut = true;
    this.sever();
  }

  reopen(): void {
    this.#isShut = false;
  }

  /** Lets nothing more through on the connections that there are, and leaves them open; new ones are as always. */
  hold(): void {
    for (const socket of this.#sockets) {
      if (this.#held.has(socket)) continue;
      const chunks: Buffer[] = [];
      const keep = (chunk: Buffer): unknown => chunks.push(chunk);
      this.#held.set(socket, { chunks, keep });
      socket.unpipe();
      socket.on("data", keep).resume();
    }
  }

  /** Lets through what was held up. */
  release(): void {
    for (const socket of this.#sockets) {
      const held = this.#held.get(socket);
      if (!held) continue;
      this.#held.delete(socket);
      socket.off("data", held.keep);
      const other = this.#others.get(socket)!;
      for (const chunk of held.chunks) other.write(chunk);
      socket.pipe(other);
    }
  }

  /** New connections lead to the server at `url`. */
  redirectTo(url: string): void {
    this.#port = portOf(url);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.sever();
    await once(this.#server, "close");
  }

  #pass(client: Socket): void {
    if (this.#isShut) return void client.destroy();
    const server = connect(this.#port, "127.0.0.1");
    if (this.#options.refusesWebSockets) client.once("data", cutWebSocket);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      this.#others.set(socket, other);
      socket.pipe(other);
      socket.on("error", () => {}); // the close that follows is what counts
      socket.once("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }
}

/** What one side has sent, and the other has not got. */
interface Held {
  readonly chunks: readonly Buffer[];
  readonly keep: (chunk: Buffer) => unknown;
}

function cutWebSocket(this: Socket, head: Buffer): void {
  if (/^upgrade: websocket/im.test(head.toString("latin1"))) this.destroy();
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
