import { Dialog } from "./parts/dialog.js";
import { DemoButton } from "./parts/demo-button.js";
import { graphiqlUrl, serverInfo } from "./server/about.js";
import { isShared } from "./server/shared-link.js";

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
    <Dialog name="help" title="Help" onClose={onClose}>
      {(close) => (
        <>
          {!isShared && <DemoButton onStarted={close} />}
          {graphiqlUrl.value && !isShared && (
            <p>
              <a class="link" href={graphiqlUrl.value}>
                GraphiQL
              </a>{" "}
              <span class="hint">tries the GraphQL API in this browser</span>
            </p>
          )}
          <h3>Keyboard shortcuts</h3>
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
