/**
 * Sends HTTP requests over keep-alive connections with one request in flight each. As it shares the machine with the
 * measured server, it uses plain sockets and prebuilt requests, and checks only the length of an answer and whether it has
 * errors.
 */
import { connect } from "node:net";
import { answerRequests } from "../measured.mjs";

let answered = 0;
let failure;

/** @param bodies sent in turn */
function start({ url, connections, bodies }) {
  const { hostname, port } = new URL(url);
  const requests = bodies.map((body) => Buffer.from(headOf(body) + body));
  let next = 0;
  for (let connection = 0; connection < connections; connection++) {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    const ask = () => socket.write(requests[next++ % requests.length]);
    const read = answerReader(() => {
      answered++;
      ask();
    });
    socket.on("connect", ask).on("data", read);
    socket.on("error", fail).on("close", () => fail("The connection was closed."));
  }
}

function headOf(body) {
  const length = Buffer.byteLength(body);
  return `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
}

/** Returns a listener for the data of a connection. It calls `onAnswer` for every complete answer. */
function answerReader(onAnswer) {
  let missing = 0;
  return (chunk) => {
    if (chunk.includes('"errors"') || chunk.includes('"userTask":null')) fail(chunk.toString());
    missing += missing > 0 ? -chunk.length : lengthOf(chunk) - chunk.length;
    if (missing < 0) fail("The server sent more than one answer.");
    if (missing === 0) onAnswer();
  };
}

/** The length of the answer that starts with `chunk`, including its head. */
function lengthOf(chunk) {
  const end = chunk.indexOf("\r\n\r\n");
  const head = chunk.latin1Slice(0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (end < 0 || !head.startsWith("HTTP/1.1 200") || !length) fail(chunk.toString());
  return end + 4 + Number(length?.[1]);
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
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(`${url}/graphql`, { method: "POST", headers, body });
  return response.json();
}

answerRequests("", { start, count, once });
