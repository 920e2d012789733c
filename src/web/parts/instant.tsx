import { exactInstant, instantText } from "../../format/instants.js";
import { peekServerNow } from "../server/server-clock.js";

/** An instant in the viewer's zone, with the exact one on hover. */
export function Instant({ at }: { readonly at: string | number }) {
  return (
    <time dateTime={new Date(at).toISOString()} title={exactInstant(at)}>
      {instantText(at, peekServerNow())}
    </time>
  );
}
