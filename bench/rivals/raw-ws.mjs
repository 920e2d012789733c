/**
 * The least that telling many subscribers can cost in Node: WebSockets by ws, and the frames of events written past
 * it, straight to the net.Socket. All of a frame but the subscriber's id is made once an event; what goes to one
 * socket is one string of single bytes, which Node writes without keeping a copy. With `coalesce` as its argument
 * all events of one turn of the event loop go to a socket in one write, else each in one of its own.
 *
 * It knows no GraphQL: whoever subscribes is told everything, and what waits to be read is not bounded.
 */
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { taskUpdated } from "../delivery/watch.mjs";
import { answerAsked } from "../measured.mjs";

/** By the length of their ids, as that is all that makes a difference to a frame's header. */
const subscribers = new Map();
/** What was published in this turn, and is to be told together. */
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

function tell(update) {
  const tail = tailOf(update);
  for (const [length, group] of subscribers) {
    const header = headerOf(length + tail.length);
    for (const { socket, prefix } of group) socket.write(header + prefix + tail, "latin1");
  }
}

function tellSoon(update) {
  if (waiting.push(update) === 1) setImmediate(tellTogether);
}

function tellTogether() {
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

/** What comes after the id, a character a byte. */
function tailOf(update) {
  const data = { taskEvents: taskUpdated(update) };
  return Buffer.from(`,"type":"next","payload":${JSON.stringify({ data })}}`).latin1Slice();
}

/** Of a frame of 126 to 65,535 bytes. */
function headerOf(length) {
  return String.fromCharCode(0x81, 126, length >> 8, length & 255);
}

const isCoalescing = process.argv[2] === "coalesce";
http.listen(0, "127.0.0.1", () => {
  answerAsked(`http://127.0.0.1:${http.address().port}`, {
    storeJobs() {},
    update: isCoalescing ? tellSoon : tell,
  });
});
