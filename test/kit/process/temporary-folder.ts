import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/**
 * An empty folder, deleted after the test. Concurrent tests pass the `onTestFinished` of their own context, because
 * vitest can't tell which of them calls; a folder that several tests share is for `afterAll`.
 */
export function temporaryFolder(onFinished: (remove: () => void) => void = onTestFinished): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-"));
  onFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
