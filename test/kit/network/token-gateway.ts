import { EventEmitter, once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer, type RawData } from "ws";

/**
 * A gateway that admits clients with the right token: in the `authorization` header or, for a WebSocket, in
 * its `connection_init`. It can also close all WebSockets with any code.
 */
export class TokenGateway implements AsyncDisposable {
  readonly #server = createServer((asked, answer) => this.#pass(asked, answer));
  readonly #webSockets = new WebSocketServer({ server: this.#server });
  readonly #behind: URL;
  /** Emits the type of each message to a client. */
  readonly #passed = new EventEmitter();
  /** Changes messages to clients. */
  alter = (message: string): string => message;
  #token: string;
  readonly #isGuarded: (path: string) => boolean;

  /** @param url of the server @param isGuarded the paths that need the token; default: all */
  static async open(
    url: string,
    token: string,
    isGuarded: (path: string) => boolean = () => true,
  ): Promise<TokenGateway> {
    const gate = new TokenGateway(new URL(url), token, isGuarded);
    gate.#server.listen(0, "127.0.0.1");
    await once(gate.#server, "listening");
    return gate;
  }

  private constructor(behind: URL, token: string, isGuarded: (path: string) => boolean) {
    this.#behind = behind;
    this.#token = token;
    this.#isGuarded = isGuarded;
    this.#webSockets.on("connection", (client) => this.#passSocket(client));
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo; // it listens on a port
    return `http://127.0.0.1:${port}`;
  }

  /** From now on only this token is valid; connections with another one are closed. */
  accept(token: string): void {
    this.#token = token;
    this.close(4403);
    this.#server.closeAllConnections();
  }

  /** Closes all WebSockets. */
  close(code: number): void {
    for (const client of this.#webSockets.clients) client.close(code);
  }

  /** Resolves when a message of this type has passed to a client after the call of `act`. */
  async passes(type: string, act: () => void): Promise<void> {
    const passed = once(this.#passed, type);
    act();
    await passed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#webSockets.clients) client.terminate();
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  #isGood(authorization: string | undefined): boolean {
    return authorization === `Bearer ${this.#token}`;
  }

  #pass(asked: IncomingMessage, answer: ServerResponse): void {
    const { method, url, headers } = asked;
    const isLet = !this.#isGuarded(url ?? "") || this.#isGood(headers.authorization);
    if (!isLet) return void answer.writeHead(401).end();
    const { hostname, port } = this.#behind;
    const passed = request({ hostname, port, method, path: url, headers }, (response) => {
      answer.writeHead(response.statusCode!, response.headers); // it has one: it is an answer
      response.pipe(answer);
      answer.once("close", () => response.destroy());
    });
    passed.on("error", () => answer.destroy());
    asked.pipe(passed);
  }

  #passSocket(client: WebSocket): void {
    client.once("message", (init) => {
      const { payload } = JSON.parse(textOf(init)) as { payload?: { authorization?: string } }; // safe: a connection_init
      if (!this.#isGood(payload?.authorization)) return client.close(4403, "Forbidden");
      const server = new WebSocket(`ws://${this.#behind.host}/graphql`, "graphql-transport-ws");
      server.once("open", () => {
        server.send(textOf(init));
        client.on("message", (data) => server.send(textOf(data)));
      });
      server.on("message", (data) => {
        client.send(this.alter(textOf(data)));
        this.#passed.emit((JSON.parse(textOf(data)) as { type: string }).type); // safe: so the protocol has it
      });
      server.on("error", () => client.terminate());
      client.once("close", () => server.terminate());
    });
  }
}

function textOf(data: RawData): string {
  return (data as Buffer).toString(); // safe: unless told otherwise ws gives buffers
}
