import { unavailable } from "../../protocol/tidemark-error.js";
import { keepAlive, type ClientTimer } from "../platform.js";

/** As `flushed`, but no longer than `timeoutMs`; the process lives until then. @throws TidemarkError UNAVAILABLE */
export async function waitAtMost(timeoutMs: number, flushed: Promise<void>): Promise<void> {
  let timer: ClientTimer | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = keepAlive(timeoutMs, () =>
      reject(unavailable(`No server took all that was reported within ${timeoutMs} ms; it is still tried.`)),
    );
  });
  try {
    await Promise.race([flushed, timeout]);
  } finally {
    timer?.cancel();
  }
}
