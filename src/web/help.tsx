import { useEffect, useRef } from "preact/hooks";
import { serverInfo } from "./server/about.js";

const KEYS: readonly (readonly [keys: string, meaning: string])[] = [
  ["↓ ↑ or j k", "next and previous row"],
  ["Page, Home, End", "further through the rows"],
  ["Enter", "open the job; open or close a task"],
  ["→ ←", "open and close a task"],
  ["Esc", "back to the list"],
  ["/", "search"],
  ["?", "this"],
];

/** The keys, told to who asks. */
export function Help({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current!.showModal(), []);
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={onClose}>
      <h2 id="help-title">Keys</h2>
      <dl>
        {KEYS.map(([keys, meaning]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <footer>
        {serverInfo.value && <span class="hint">Tidemark {serverInfo.value.version}</span>}
        <button type="button" onClick={() => dialog.current!.close()}>
          Close
        </button>
      </footer>
    </dialog>
  );
}
