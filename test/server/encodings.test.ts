import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { RawConnection } from "../kit/network/raw-http.js";
import { upgrade } from "../kit/network/ws-client.js";
import { startServer, type TestServer } from "../kit/server/server.js";
import { taskCount } from "./jobs.js";

/** Bytes of a name that are not UTF-8; decoders replace all of them by the same character. */
const INVALID = [
  ["Latin-1", [0xe9]],
  ["another letter of Latin-1", [0xe8]],
  ["a truncated character", [0xc3]],
  ["a lone continuation", [0x80]],
  ["an overlong character", [0xc0, 0xaf]],
  ["half a surrogate pair", [0xed, 0xa0, 0x80]],
  ["a character above U+10FFFF", [0xf5, 0x80, 0x80, 0x80]],
  ["UTF-16", [0xff, 0xfe, 0x61, 0x00]],
] as const;

const VALID = [
  ["ASCII", [0x65]],
  ["two bytes", [0xc3, 0xa9]],
  ["three bytes", [0xe2, 0x82, 0xac]],
  ["four bytes", [0xf0, 0x9f, 0x92, 0xa5]],
  ["the replacement character itself", [0xef, 0xbf, 0xbd]],
] as const;

/** An answer, or a socket closed with 4400 (by Tidemark) or with 1007 (by ws, without a reason). */
const CLOSED_1007 = String.fromCharCode(0x88, 0x02, 0x03, 0xef);
const REJECTION = new RegExp(`^HTTP/1.1 400 .*not valid UTF-8|Invalid message received|${CLOSED_1007}`, "s");

const STORE = Buffer.from(
  `{"query": "mutation { storeTask(input: { database: \\"d\\", jobId: \\"?\\", task: { description: \\"t\\" } }) { outcome } }"}`,
);

/** Ways to send bytes of a client's choice. Each resolves with everything that the server sent. */
const TRANSPORTS = [
  ["HTTP POST", (url: string, name: Buffer) => post(url, bodyWith(name), "application/json")],
  ["server-sent events", (url: string, name: Buffer) => post(url, bodyWith(name), "text/event-stream")],
  ["WebSocket, as text", (url: string, name: Buffer) => overSocket(url, [frame(0x81, subscribeWith(name))])],
  [
    "WebSocket, as binary",
    (url: string, name: Buffer) => overSocket(url, [frame(0x82, subscribeWith(name))]),
  ],
  [
    "WebSocket, in fragments of one byte",
    (url: string, name: Buffer) => overSocket(url, fragmentsWith(name)),
  ],
] as const;

describe.each(TRANSPORTS)("A name over %s", (_, send) => {
  let server: TestServer;

  beforeEach(async () => {
    server = await startServer();
    return () => server.close();
  });

  it.each(INVALID)("is rejected if its bytes are %s, and nothing is stored", async (__, bytes) => {
    const received = await send(server.url, Buffer.from(bytes));

    expect(received).toMatch(REJECTION);
    expect(await taskCount(server.url)).toBe(0);
  });

  it.each(VALID)("is stored if its bytes are %s", async (__, bytes) => {
    const received = await send(server.url, Buffer.from(bytes));

    expect(received).toContain(`"outcome":"CREATED"`);
  });
});

describe("A name in the URL of a GET", () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer();
  });

  afterAll(() => server.close());

  const COUNT = `{taskCount(database:"?")}`;
  const escaped = (bytes: readonly number[]): string => bytes.map((byte) => `%${byte.toString(16)}`).join("");

  it.each(INVALID)("is rejected if its bytes are %s", async (_, bytes) => {
    const answers = [
      await get(server.url, `query=${COUNT.replace("?", escaped(bytes))}`),
      await get(server.url, `query={__typename}&variables={"a":"${escaped(bytes)}"}`),
      await get(server.url, `query={__typename}&operationName=${escaped(bytes)}`),
    ];

    expect(answers.map((answer) => /^HTTP\/1.1 400 .*not valid UTF-8/s.test(answer))).toEqual(
      answers.map(() => true),
    );
  });

  it.each(VALID)("is read as UTF-8 if its bytes are %s", async (_, bytes) => {
    const answer = await get(server.url, `query={node(id:"${escaped(bytes)}"){id}}`);

    expect(answer).toContain(`Invalid id \\"${Buffer.from(bytes).toString("latin1")}\\"`);
  });

  it.each(INVALID)("is rejected by Node.js if its bytes are not escaped: %s", async (_, bytes) => {
    const answer = await get(server.url, `query=${COUNT.replace("?", String.fromCharCode(...bytes))}`);

    expect(answer).toMatch(/^HTTP\/1.1 400 /);
  });

  it.each(["%", "%4", "%zz", "%u00e9"])("is rejected with the escape %s", async (text) => {
    expect(await get(server.url, `query=${COUNT.replace("?", text)}`)).toMatch(/^HTTP\/1.1 400 /);
  });
});

describe("Bytes that are not UTF-8 in a header", () => {
  it.each([
    ["Last-Event-ID", "AAAAAAAAAAAA.\xe9", /position/i],
    ["Last-Event-ID", "\xe9", /position/i],
  ])("never select a position: %s: %s", async (name, value, message) => {
    await using server = await startServer();

    const received = await post(server.url, Buffer.from(`{"query": "{ __typename }"}`), "application/json", {
      [name]: value,
    });

    expect(received).toMatch(message);
    expect(received).toContain("BAD_USER_INPUT");
  });

  it.each(["Cookie", "User-Agent", "X-Forwarded-User"])(
    "are ignored in %s, which names no one",
    async (name) => {
      await using server = await startServer();

      const received = await post(server.url, STORE, "application/json", { [name]: "a=\xe9" });

      expect(received).toContain(`"outcome":"CREATED"`);
    },
  );
});

describe("Half a surrogate pair, which JSON can express and UTF-8 can't", () => {
  const INPUT = { database: "d", username: "u", jobId: "j", task: { description: "t" } };
  const HALF = "a\ud800";

  it.each([
    ["a database", "storeTask(input: StoreTaskInput!)", { ...INPUT, database: HALF }],
    ["a username", "storeTask(input: StoreTaskInput!)", { ...INPUT, username: HALF }],
    ["a job id", "storeTask(input: StoreTaskInput!)", { ...INPUT, jobId: HALF }],
    ["a request id", "storeTask(input: StoreTaskInput!)", { ...INPUT, requestId: HALF }],
    ["a description", "storeTask(input: StoreTaskInput!)", { ...INPUT, task: { description: HALF } }],
    ["a message", "updateTask(input: UpdateTaskInput!)", { ...KEY, updates: [{ message: HALF }] }],
    ["a log line", "updateTask(input: UpdateTaskInput!)", { ...KEY, log: [{ message: HALF }] }],
    ["a reason", "requestCancel(input: RequestCancelInput!)", { ...KEY, reason: HALF }],
  ])("is rejected in %s", async (_, field, input) => {
    await using server = await startServer();
    await post(server.url, STORE_U_J, "application/json");
    const [name, type] = field.split(/\(input: |\)/);
    const query = `mutation ($input: ${type}) { ${name}(input: $input) { __typename } }`;

    const received = await post(
      server.url,
      Buffer.from(JSON.stringify({ query, variables: { input } })),
      "application/json",
    );

    expect(received).toContain("BAD_USER_INPUT");
    expect(received).toContain(`"data":{"${name}":null}`);
  });

  it("is rejected as an escape in a document", async () => {
    await using server = await startServer();

    const received = await post(server.url, bodyWith(Buffer.from("\\\\ud800")), "application/json");

    expect(received).toContain("BAD_USER_INPUT");
    expect(await taskCount(server.url)).toBe(0);
  });
});

const KEY = { database: "d", username: "u", jobId: "j" };

const STORE_U_J = Buffer.from(
  `{"query": "mutation { storeTask(input: { database: \\"d\\", username: \\"u\\", jobId: \\"j\\", task: { description: \\"t\\" } }) { outcome } }"}`,
);

function bodyWith(name: Buffer): Buffer {
  const at = STORE.indexOf("?");
  return Buffer.concat([STORE.subarray(0, at), name, STORE.subarray(at + 1)]);
}

function subscribeWith(name: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`{"id": "1", "type": "subscribe", "payload": `),
    bodyWith(name),
    Buffer.from("}"),
  ]);
}

/** The name in frames of one byte each. */
function fragmentsWith(name: Buffer): Buffer[] {
  const message = subscribeWith(name);
  const [before, after] = [message.indexOf(name), message.indexOf(name) + name.length];
  return [
    frame(0x01, message.subarray(0, before)),
    ...Array.from(name, (byte) => frame(0x00, Buffer.from([byte]))),
    frame(0x80, message.subarray(after)),
  ];
}

/** A masked frame, with a mask that changes nothing. */
function frame(start: number, payload: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(payload.length);
  return Buffer.concat([Buffer.from([start, 0xfe]), length, Buffer.alloc(4), payload]);
}

async function post(
  url: string,
  body: Buffer,
  accept: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  using connection = await RawConnection.open(url);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head =
    `POST /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n` +
    `Accept: ${accept}\r\nContent-Length: ${body.length}\r\n${lines.join("")}\r\n`;
  connection.write(Buffer.concat([Buffer.from(head, "latin1"), body]));
  await connection.ended();
  return connection.received;
}

async function get(url: string, search: string): Promise<string> {
  using connection = await RawConnection.open(url);
  const head = `GET /graphql?${search} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
  connection.write(Buffer.from(head, "latin1"));
  await connection.ended();
  return connection.received;
}

/** Resolves when the server has answered the operation or closed the socket. */
async function overSocket(url: string, frames: readonly Buffer[]): Promise<string> {
  using connection = await RawConnection.open(url);
  connection.write(upgrade());
  connection.write(frame(0x81, Buffer.from(`{"type": "connection_init"}`)));
  await connection.until((received) => received.includes("connection_ack"));
  for (const part of frames) connection.write(part);
  return await connection.until((received) =>
    /"complete"|\x88/.test(received.slice(received.indexOf("connection_ack"))),
  );
}
