import { Dialog } from "./parts/dialog.js";
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
  return (
    <Dialog name="help" title="Keyboard shortcuts" onClose={onClose}>
      {(close) => (
        <>
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
            <button type="button" onClick={close}>
              Close
            </button>
          </footer>
        </>
      )}
    </Dialog>
  );
}
