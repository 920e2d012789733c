import type { WatchEvent } from "../../client/index.js";

/** Shows what a watch tells. */
export interface WatchView extends Disposable {
  /** The next event may be told once it has resolved: what comes meanwhile is merged. */
  onEvent(event: WatchEvent): Promise<void>;
}
