/** The packages as their users install them: packed from a clean copy of the sources, because other tests use the build of this folder. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { IS_FULL_LENGTH } from "../process/full-length.js";
import { Program, PROJECT } from "../process/child-process.js";

/** Whether the tests of packages run: under CI, and where npm can install packages. */
export const ARE_PACKAGES_TESTED =
  IS_FULL_LENGTH && spawnSync("npm", ["view", "ws", "version"], { cwd: tmpdir() }).status === 0;

export class PackedPackages implements Disposable {
  readonly #folder: string;

  /** Packs everything that is published. */
  static async pack(): Promise<PackedPackages> {
    const packages = new PackedPackages(mkdtempSync(join(tmpdir(), "tidemark-packages-")));
    cpSync(PROJECT, packages.#sources, { recursive: true, filter: isSource });
    symlinkSync(join(PROJECT, "node_modules"), join(packages.#sources, "node_modules"));
    await packages.packAgain({});
    return packages;
  }

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Packs everything with these environment variables. @throws Error with what is printed, if it fails. */
  async packAgain(env: Readonly<Record<string, string>>): Promise<void> {
    await outputOf("npm", ["run", "--silent", "pack:all"], { cwd: this.#sources, env });
  }

  /** The names of all files that were packed. */
  get names(): readonly string[] {
    return readdirSync(this.#out).toSorted();
  }

  /** The path of the file whose name matches. */
  path(pattern: RegExp): string {
    return join(
      this.#out,
      this.names.find((name) => pattern.test(name))!,
    );
  }

  get server(): string {
    return this.path(/^tidemark-[\d.]+\.tgz$/);
  }

  get client(): string {
    return this.path(/^tidemark-client-.+\.tgz$/);
  }

  /** An empty folder, in which `files` are written and `packages` installed. Returns it, and what npm prints. */
  async install(
    packages: readonly string[],
    files: Readonly<Record<string, string>> = {},
    env: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly folder: string; readonly printed: string }> {
    const folder = mkdtempSync(join(this.#folder, "consumer-"));
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    // Rejects dependencies that require a newer Node.js: `overrides` do not apply to users of the package.
    const flags = ["--engine-strict", "--prefer-offline", "--no-audit", "--no-fund"];
    return {
      folder,
      printed: await outputOf("npm", ["install", ...flags, ...packages], { cwd: folder, env }),
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #sources(): string {
    return join(this.#folder, "sources");
  }

  get #out(): string {
    return join(this.#sources, "packages-out");
  }
}

function isSource(path: string): boolean {
  return !["dist", "generated", "node_modules", "packages-out", ".git"].includes(basename(path));
}

/** Returns what a command prints. @throws Error if it fails. */
export async function outputOf(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): Promise<string> {
  const program = new Program(command, args, options);
  program.endInput();
  const { code } = await program.exited;
  const printed = [...program.out, ...program.err].join("\n");
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${printed}`);
  return printed;
}

/** An environment in which `node`, `npm` and `npx` are those of this version of Node.js, which npm installs. */
export async function environmentOfNode(major: number): Promise<{ readonly PATH: string }> {
  const program = new Program("npx", ["-y", "-p", `node@${major}`, "node", "-p", "process.execPath"], {
    cwd: tmpdir(),
  });
  const path = await program.line((line) => line.endsWith("node"));
  await program.exited;
  return { PATH: `${dirname(path)}${delimiter}${process.env["PATH"]}` };
}
