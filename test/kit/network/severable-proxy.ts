import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface ProxyOptions {
  /** Refuses WebSockets, as some networks do. */
  readonly refusesWebSockets?: boolean;
}

/** One end of a connection: the program that made it, or the server. */
export type Side = "client" | "server";

/** A TCP proxy that can be cut, paused, or redirected to another server: of HTTP, or of PostgreSQL. */
export class SeverableProxy implements AsyncDisposable {
  readonly #server = createServer((socket) => this.#pass(socket));
  readonly #options: ProxyOptions;
  #port: number;
  readonly #sockets = new Map<Socket, Side>();
  readonly #others = new WeakMap<Socket, Socket>();
  readonly #held = new Map<Socket, Held>();
  #swallowed: readonly Side[] = [];
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

  get port(): number {
    return (this.#server.address() as AddressInfo).port; // it listens on a port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The URL of something on the server, through this proxy. */
  urlOf(url: string): string {
    return withPort(url, this.port);
  }

  /** Open connections; each counts once per side. */
  get socketCount(): number {
    return this.#sockets.size;
  }

  /** Cuts every connection on both sides; new ones are possible. */
  sever(): void {
    this.#held.clear();
    for (const socket of this.#sockets.keys()) socket.destroy();
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
    for (const socket of this.#sockets.keys()) this.#holdFrom(socket);
  }

  /**
   * Takes the bytes of both sides, or of one, and delivers them at the release, as a network does that is down for a while.
   * New connections are made, but have the same fate. If such a side closes its connection, the other one learns of it then.
   */
  swallow(from: readonly Side[] = ["client", "server"]): void {
    this.#swallowed = from;
    for (const [socket, side] of this.#sockets) if (from.includes(side)) this.#holdFrom(socket);
  }

  /** Lets the paused traffic through. */
  release(): void {
    this.#swallowed = [];
    for (const [socket, { chunks, keep }] of this.#held) {
      const other = this.#others.get(socket)!;
      for (const chunk of chunks) other.write(chunk);
      socket.off("data", keep);
      if (socket.destroyed) other.destroySoon();
      else socket.pipe(other);
    }
    this.#held.clear();
  }

  /** Leads new connections to the server at `url`. */
  redirectTo(url: string): void {
    this.#port = portOf(url);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.sever();
    await once(this.#server, "close");
  }

  #pass(client: Socket): void {
    if (this.#isShut) return void client.destroy();
    const server = connect(this.#port, "127.0.0.1");
    if (this.#options.refusesWebSockets) client.once("data", cutWebSocket);
    this.#connect("client", client, server);
    this.#connect("server", server, client);
  }

  #connect(side: Side, socket: Socket, other: Socket): void {
    this.#sockets.set(socket, side);
    this.#others.set(socket, other);
    socket.pipe(other);
    socket.on("error", () => {}); // the close that follows is what counts
    socket.once("close", () => {
      this.#sockets.delete(socket);
      if (!this.#swallowed.includes(side)) other.destroy();
    });
    if (this.#swallowed.includes(side)) this.#holdFrom(socket);
  }

  #holdFrom(socket: Socket): void {
    if (this.#held.has(socket)) return;
    const chunks: Buffer[] = [];
    const keep = (chunk: Buffer): unknown => chunks.push(chunk);
    this.#held.set(socket, { chunks, keep });
    socket.unpipe();
    socket.on("data", keep).resume();
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

/** The same URL with another port. */
export function withPort(url: string, port: number): string {
  return Object.assign(new URL(url), { port: String(port) }).href;
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
