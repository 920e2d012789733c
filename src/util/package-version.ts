import { readFileSync } from "node:fs";

export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  // Safe: the package's own manifest, which npm rejects without a version.
  return (manifest as { version: string }).version;
}
