/** React pages for the browser, built from sources, with the React of this project or an older one. */
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { build } from "esbuild";
import { PROJECT } from "../process/child-process.js";
import { PAGE_SCRIPT, WITHOUT_NODE } from "./client-bundle.js";

export interface ReactBundleOptions {
  /** The folder that contains `react` and `react-dom`. Default: the packages of this project. */
  readonly packages?: string;
  /** `development` mounts each component twice in StrictMode, and reports mistakes on the console. */
  readonly mode: "development" | "production";
}

/** The script of a page: minified, with the exports of the entry as properties of `tidemarkPage`. */
export async function bundleReactPage(entry: string, options: ReactBundleOptions): Promise<string> {
  const { packages = join(PROJECT, "node_modules"), mode } = options;
  const { outputFiles } = await build({
    entryPoints: [entry],
    alias: { react: join(packages, "react"), "react-dom": join(packages, "react-dom") },
    ...PAGE_SCRIPT,
    globalName: "tidemarkPage",
    jsx: "automatic",
    define: { "process.env.NODE_ENV": JSON.stringify(mode) },
    plugins: [WITHOUT_NODE],
  });
  return outputFiles[0]!.text; // there is one entry
}

/** React of another version in a folder of its own, as npm installs only one with its renderer. */
export class InstalledReact implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "tidemark-react-"));

  /** @throws Error if npm can't install it, for example without a network. */
  constructor(version: string) {
    const flags = ["--prefix", this.#folder, "--prefer-offline", "--no-audit", "--no-fund", "--no-save"];
    const args = ["install", ...flags, `react@${version}`, `react-dom@${version}`];
    const { status, stderr } = spawnSync("npm", args, { cwd: this.#folder, encoding: "utf8" });
    if (status !== 0) throw new Error(`npm ${args.join(" ")}\n${stderr}`);
  }

  get packages(): string {
    return join(this.#folder, "node_modules");
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
