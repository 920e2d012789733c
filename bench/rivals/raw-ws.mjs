/**
 * The minimum cost of a broadcast in Node: WebSockets of ws, with event frames written directly to the net.Socket. A frame
 * is built once per event, except for the subscriber's id. Each write is a latin1 string, which Node writes without a
 * copy. With the argument `coalesce`, all events of one turn of the event loop share a write, otherwise each has its own.
 *
 * It has no GraphQL: every subscriber receives all events, and the send queues are unbounded.
 */
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { taskUpdated } from "../delivery/watch.mjs";
import { answerRequests } from "../measured.mjs";

/** By the length of their ids, which determines the frame header. */
const subscribers = new Map();
/** The updates of this turn, to be coalesced. */
let waiting = [];

const http = createServer();
const sockets = new WebSocketServer({ server: http, perMessageDeflate: false });
sockets.on("connection", (webSocket, { socket }) => {
  webSocket.on("message", (data) => receive(webSocket, socket, JSON.parse(data)));
});

function receive(webSocket, socket, { type, id }) {
  if (type === "connection_init") webSocket.send(`{"type":"connection_ack"}`);
  if (type === "ping") webSocket.send(`{"type":"pong"}`);
  if (type === "subscribe") add(socket, `{"id":${JSON.stringify(id)}`);
}

function add(socket, prefix) {
  const group = subscribers.get(prefix.length) ?? new Set();
  subscribers.set(prefix.length, group);
  const subscriber = { socket, prefix };
  group.add(subscriber);
  socket.once("close", () => group.delete(subscriber));
}

function broadcast(update) {
  const tail = tailOf(update);
  for (const [length, group] of subscribers) {
    const header = headerOf(length + tail.length);
    for (const { socket, prefix } of group) socket.write(header + prefix + tail, "latin1");
  }
}

function broadcastSoon(update) {
  if (waiting.push(update) === 1) setImmediate(broadcastWaiting);
}

function broadcastWaiting() {
  const tails = waiting.map(tailOf);
  waiting = [];
  for (const [length, group] of subscribers) {
    const gaps = tails.map((tail, at) => (tails[at - 1] ?? "") + headerOf(length + tail.length));
    for (const { socket, prefix } of group) {
      let frames = "";
      for (const gap of gaps) frames += gap + prefix;
      socket.write(frames + tails.at(-1), "latin1");
    }
  }
}

/** The part of a message after the id, as latin1: one character per byte. */
function tailOf(update) {
  const data = { taskEvents: taskUpdated(update) };
  return Buffer.from(`,"type":"next","payload":${JSON.stringify({ data })}}`).latin1Slice();
}

/** The header of a frame of 126 to 65,535 bytes. */
function headerOf(length) {
  return String.fromCharCode(0x81, 126, length >> 8, length & 255);
}

const isCoalescing = process.argv[2] === "coalesce";
http.listen(0, "127.0.0.1", () => {
  answerRequests(`http://127.0.0.1:${http.address().port}`, {
    storeJobs() {},
    update: isCoalescing ? broadcastSoon : broadcast,
  });
});
