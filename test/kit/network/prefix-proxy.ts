import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { connect, type AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

/**
 * A reverse proxy with a path prefix: `/tools/tidemark/graphql` leads to `/graphql` of the server, also for
 * WebSockets. Any other path is 404.
 */
export class PrefixProxy implements AsyncDisposable {
  readonly #server = createServer((asked, answer) => this.#pass(asked, answer));
  readonly #prefix: string;
  readonly #port: number;

  /** @param url of the server behind it @param prefix without a slash at its end */
  static async open(url: string, prefix: string): Promise<PrefixProxy> {
    const proxy = new PrefixProxy(Number(new URL(url).port), prefix);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  private constructor(port: number, prefix: string) {
    this.#port = port;
    this.#prefix = prefix;
    this.#server.on("upgrade", (asked, socket, head) => this.#upgrade(asked, socket, head));
  }

  /** The server's address, with a trailing slash. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo; // it listens on a port
    return `http://127.0.0.1:${port}${this.#prefix}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  #pass(asked: IncomingMessage, answer: ServerResponse): void {
    const path = this.#pathBehind(asked);
    if (path === undefined) return void answer.writeHead(404).end();
    const { method, headers } = asked;
    const passed = request({ host: "127.0.0.1", port: this.#port, path, method, headers });
    passed.on("response", (answered) => {
      answer.writeHead(answered.statusCode!, answered.headers);
      answered.pipe(answer);
    });
    passed.on("error", () => answer.destroy());
    asked.pipe(passed);
  }

  #upgrade(asked: IncomingMessage, socket: Duplex, head: Buffer): void {
    const path = this.#pathBehind(asked);
    if (path === undefined) return void socket.destroy();
    const behind = connect(this.#port, "127.0.0.1");
    const headers = asked.rawHeaders.map((text, at) => (at % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join("");
    behind.write(`GET ${path} HTTP/1.1\r\n${headers}\r\n`);
    behind.write(head);
    behind.pipe(socket).pipe(behind);
    for (const [one, other] of [
      [socket, behind],
      [behind, socket],
    ] as const) {
      one.on("error", () => {}); // the close that follows is what counts
      one.once("close", () => other.destroy());
    }
  }

  #pathBehind({ url = "" }: IncomingMessage): string | undefined {
    return url.startsWith(`${this.#prefix}/`) ? url.slice(this.#prefix.length) : undefined;
  }
}
