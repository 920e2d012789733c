import type { ClientLimits } from "../../protocol/client-limits.js";
import type { UpdateTaskInput } from "../generated/graphql.js";
import { jsonBytes, variablesBytesMax } from "../transport/server-limits.js";
import { shortenText } from "./input-values.js";

/** Splits a report into inputs that the server accepts, in order, and shortens their texts. */
export function fitReport(
  { updates, log, ...address }: UpdateTaskInput,
  limits: ClientLimits,
  nextRequestId: () => string,
): UpdateTaskInput[] {
  const bytesMax = variablesBytesMax(limits) - jsonBytes(address) - ITEM_BYTES;
  const fit = <Item extends Sized>(items: readonly Item[] | null | undefined, countMax: number): Item[][] =>
    chunks((items ?? []).map(shorten(limits)), countMax, bytesMax);
  return [
    ...fit(updates, limits.updatesPerInputMax).map((part) => ({ ...address, updates: part })),
    ...fit(log, limits.logLinesPerInputMax).map((part) => ({
      ...address,
      log: part,
      requestId: nextRequestId(),
    })),
  ];
}

/** The parts of an update or a log line that make it large. */
interface Sized {
  readonly path?: string | null | undefined;
  readonly message?: string | null | undefined;
}

/** At least the bytes of an update or a log line without these parts, in JSON. */
const ITEM_BYTES = 200;

function shorten({ messageTextBytesMax }: ClientLimits) {
  return <Item extends Sized>(item: Item): Item =>
    item.message ? { ...item, message: shortenText(item.message, messageTextBytesMax) } : item;
}

/** Parts of at most `countMax` items and `bytesMax` bytes, or of one larger item. */
function chunks<Item extends Sized>(items: readonly Item[], countMax: number, bytesMax: number): Item[][] {
  const parts: Item[][] = [];
  let [countLeft, bytesLeft] = [0, 0];
  for (const item of items) {
    const bytes = ITEM_BYTES + jsonBytes(item);
    if (--countLeft < 0 || (bytesLeft -= bytes) < 0) {
      parts.push([]);
      countLeft = countMax - 1;
      bytesLeft = bytesMax - bytes;
    }
    parts.at(-1)!.push(item);
  }
  return parts;
}
