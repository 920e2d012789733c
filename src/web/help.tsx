import { useEffect, useRef } from "preact/hooks";
import { serverInfo } from "./server/about.js";

const KEYS: readonly (readonly [keys: string, meaning: string])[] = [
  ["↓ ↑ or j k", "next and previous row"],
  ["Page Up, Page Down", "previous and next page"],
  ["Home, End", "first and last row"],
  ["Enter", "open the job; expand or collapse the task"],
  ["→ ←", "expand and collapse the task"],
  ["Esc", "back to the list"],
  ["/", "search"],
  ["?", "this help"],
];

export function Help({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current!.showModal(), []);
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={onClose}>
      <h2 id="help-title">Keyboard shortcuts</h2>
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
