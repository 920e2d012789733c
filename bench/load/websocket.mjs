/**
 * Sends operations over one WebSocket, with several in flight. As it shares the machine with the measured server, it only
 * counts the `complete` messages and checks whether a `next` has errors.
 */
import { randomUUID } from "node:crypto";
import { WebSocket } from "ws";
import { answerRequests } from "../measured.mjs";

let answered = 0;
let failure;

/** @param bodies sent in turn */
async function start({ url, connections: inFlight, bodies }) {
  const socket = await open(url);
  let next = 0;
  const ask = (id) =>
    socket.send(`{"id":"${id}","type":"subscribe","payload":${bodies[next++ % bodies.length]}}`);
  socket.on("message", (data) => {
    const text = data.latin1Slice();
    if (!text.endsWith('"type":"complete"}')) return check(text);
    answered++;
    ask(text.slice(7, 7 + ID_LENGTH)); // {"id":"…
  });
  socket.on("close", () => fail("The connection was closed."));
  for (let id = 0; id < inFlight; id++) ask(randomUUID());
}

const ID_LENGTH = 36;

function check(text) {
  if (text.includes('"errors"') || text.includes('"type":"error"')) fail(text);
}

function open(url) {
  const socket = new WebSocket(`${url.replace("http", "ws")}/graphql`, "graphql-transport-ws");
  socket.once("open", () => socket.send(`{"type":"connection_init"}`));
  return new Promise((resolve, reject) => {
    socket.once("error", reject).once("message", () => resolve(socket)); // connection_ack
  });
}

function fail(reason) {
  failure ??= new Error(`The load failed: ${reason}`);
}

/** The number of answers so far. */
function count() {
  if (failure) throw failure;
  return answered;
}

async function once({ url, body }) {
  const socket = await open(url);
  const message = new Promise((resolve) => {
    socket.once("message", (data) => resolve(JSON.parse(data).payload));
  });
  socket.send(`{"id":"1","type":"subscribe","payload":${body}}`);
  const payload = await message;
  socket.close();
  return payload;
}

answerRequests("", { start, count, once });
