import { parsePosition, type Position } from "../../../src/protocol/position.js";
import { WireClient } from "./client.js";
import type { WireEvent } from "./event.js";
import type { ConnectedEntry, HeldVersions, ReceivedEntry, Transcript } from "./transcript.js";

/** One connection of a watcher and the events on it. */
export interface Session {
  readonly connected: ConnectedEntry;
  readonly place: number;
  /** The position it resumed from; undefined if it held nothing or stood at revision 0. */
  readonly after: Position | undefined;
  /** The state that the watcher held. */
  readonly client: WireClient;
  readonly deliveries: readonly Delivery[];
  /** The store's revision at which the watcher should hold everything; undefined if it disconnected before. */
  readonly quietAt: number | undefined;
}

/** One event, with the watcher before and after it. */
export interface Delivery {
  readonly place: number;
  readonly event: WireEvent;
  readonly position: Position;
  /** The watcher's previous position; undefined if it held nothing. */
  readonly last: Position | undefined;
  readonly before: WireClient;
  readonly client: WireClient;
  /** The highest revision that the store can have had when the event was made. */
  readonly madeAtMost: number;
}

/** Replays a transcript: the watcher's state at each event, from the events alone. */
export function replay(transcript: Transcript): Session[] {
  const clients: WireClient[] = [];
  const sessions: OpenSession[] = [];
  for (const [place, entry] of transcript.entries()) {
    const session = sessions.at(-1);
    if (entry.entry === "connected") sessions.push(openSession(entry, place, clients));
    if (entry.entry === "received" && session) receive(session, entry, place);
    if (entry.entry === "quiet" && session) session.quietAt = entry.revision;
    clients.push(sessions.at(-1)?.current ?? WireClient.new());
  }
  return sessions.map(withBounds);
}

interface OpenSession extends Omit<Session, "deliveries" | "quietAt"> {
  readonly deliveries: Delivery[];
  current: WireClient;
  quietAt: number | undefined;
}

function openSession(connected: ConnectedEntry, place: number, clients: readonly WireClient[]): OpenSession {
  const { after, holding } = connected;
  const position = after === null ? undefined : parsePosition(after);
  const client = clientHolding(holding, after, clients);
  return {
    connected,
    place,
    after: position?.revision === 0 ? undefined : position,
    client,
    current: client,
    deliveries: [],
    quietAt: undefined,
  };
}

function clientHolding(
  holding: HeldVersions,
  after: string | null,
  clients: readonly WireClient[],
): WireClient {
  if (holding.kind === "asAfter") return clients[holding.place] ?? WireClient.new();
  return holding.kind === "answer" ? WireClient.holding(holding.jobs, after!) : WireClient.new();
}

function receive(session: OpenSession, { event, storeRevision }: ReceivedEntry, place: number): void {
  const before = session.current;
  session.current = before.receive(event);
  session.deliveries.push({
    place,
    event,
    position: parsePosition(event.position),
    last: session.deliveries.at(-1)?.position ?? session.after,
    before,
    client: session.current,
    madeAtMost: storeRevision,
  });
}

/** Events before a CaughtUp were made before it, and a CaughtUp is made at exactly its revision. */
function withBounds({ current: _, ...session }: OpenSession): Session {
  let bound = Infinity;
  const moments = session.deliveries.toReversed().map((moment) => {
    if (moment.event.kind === "CaughtUp") bound = moment.position.revision;
    bound = Math.min(bound, moment.madeAtMost);
    return { ...moment, madeAtMost: bound };
  });
  return { ...session, deliveries: moments.toReversed() };
}
