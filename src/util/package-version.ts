import { readFileSync } from "node:fs";

/** The version of this package, from its manifest. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  // Safe: it is this package's own manifest, which npm does not accept without a version.
  return (manifest as { version: string }).version;
}
