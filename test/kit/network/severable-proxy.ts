import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface ProxyOptions {
  /** Refuses WebSockets, as some networks do. */
  readonly refusesWebSockets?: boolean;
}

/** A proxy that can be cut, paused, or redirected to another server. */
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

  /** Open connections; each counts once per side. */
  get socketCount(): number {
    return this.#sockets.size;
  }

  /** Cuts every connection on both sides; new ones are possible. */
  sever(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Cuts every connection and refuses new ones. */
  shut(): void {
    this.#isShut = true;
    this.sever();
  }

  reopen(): void {
    this.#isShut = false;
  }

  /** Stops all traffic on the existing connections but keeps them open; new ones work normally. */
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

  /** Lets the paused traffic through. */
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

  /** Leads new connections to the server at `url`. */
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

/** Data that one side has sent and the other has not received. */
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
