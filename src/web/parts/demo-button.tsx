import { useSignal } from "@preact/signals";
import { navigate } from "../location.js";
import { mayChangeJobsOf, serverInfo, startDemo } from "../server/about.js";
import { Icon } from "./icons.js";

/** The owner of the demonstration job. */
const DEMO_USER = "demo";

/** Starts the demonstration job and shows it; nothing if the server has none, or the user may not start it. */
export function DemoButton({ onStarted }: { readonly onStarted?: () => void }) {
  const failure = useSignal("");
  const start = async (): Promise<void> => {
    try {
      const { database, username, jobId } = await startDemo();
      onStarted?.();
      navigate({ database, job: { username, jobId } });
    } catch (error) {
      failure.value = error instanceof Error ? error.message : String(error);
    }
  };
  if (!serverInfo.value?.demo || !mayChangeJobsOf(DEMO_USER)) return null;
  return (
    <div class="demo">
      <button type="button" onClick={start}>
        <Icon shape="play" />
        Run a demo job
      </button>
      <span class="hint">on this server, takes about a minute</span>
      {failure.value && <p role="alert">{failure}</p>}
    </div>
  );
}
