/**
 * Requests over HTTP, by as many keep-alive connections as are asked for, each with one request under way. Written on
 * plain sockets with requests made beforehand, as it shares the machine with the server that is measured: an answer is
 * counted by its Content-Length and looked through for an error, and no more.
 */
import { connect } from "node:net";
import { answerAsked } from "../measured.mjs";

let answered = 0;
let failure;

/** @param bodies are sent in turn. */
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

/** Returns what reads the bytes of one connection. `told` is called for every answer that is whole. */
function answerReader(told) {
  let missing = 0;
  return (chunk) => {
    if (chunk.includes('"errors"') || chunk.includes('"userTask":null')) fail(chunk.toString());
    missing += missing > 0 ? -chunk.length : lengthOf(chunk) - chunk.length;
    if (missing < 0) fail("More was answered than asked for.");
    if (missing === 0) told();
  };
}

/** Of the answer that begins with `chunk`, its head included. */
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

/** How many answers came so far. */
function count() {
  if (failure) throw failure;
  return answered;
}

async function once({ url, body }) {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(`${url}/graphql`, { method: "POST", headers, body });
  return response.json();
}

answerAsked("", { start, count, once });
