/**
 * `npm run pack:all` writes what is published to `packages-out/`: the tarballs of `tidemark` and `tidemark-client`, and the source
 * distribution and the wheel of the Python package. It needs no network.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));
const OUT = join(PROJECT, "packages-out");

/** The standard entry points of a build backend, without the program that would install one from the network. */
const BUILD = `
import sys
from setuptools import build_meta
out = sys.argv[1]  # setuptools replaces the arguments
build_meta.build_sdist(out)
build_meta.build_wheel(out)
`;

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT);
pack(); // builds both packages
pack("--workspace", "tidemark-client", "--ignore-scripts");
packPython();
for (const name of readdirSync(OUT).toSorted()) process.stdout.write(`packages-out/${name}\n`);

function pack(...options: readonly string[]): void {
  execFileSync("npm", ["pack", "--silent", "--pack-destination", OUT, ...options], {
    cwd: PROJECT,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** Builds a copy, because setuptools writes into the folder, and would pack what an earlier build left there. */
function packPython(): void {
  const python = ["python3", "/usr/bin/python3"].find(hasBuildTools);
  if (!python) {
    process.stderr.write(
      "The Python package was not built: no python3 has setuptools and wheel. Install them (Debian: apt-get install python3 python3-setuptools python3-wheel) and run npm run pack:all again.\n",
    );
    process.exitCode = 1;
    return;
  }
  const copy = mkdtempSync(join(tmpdir(), "tidemark-python-"));
  try {
    cpSync(join(PROJECT, "python"), copy, { recursive: true, filter: isSource });
    execFileSync(python, ["-c", BUILD, OUT], { cwd: copy, stdio: "pipe" }); // an error has the output
  } finally {
    rmSync(copy, { recursive: true });
  }
}

function hasBuildTools(python: string): boolean {
  return spawnSync(python, ["-c", "import setuptools, wheel"]).status === 0;
}

function isSource(path: string): boolean {
  return !["build", "__pycache__", ".mypy_cache"].includes(basename(path)) && !path.endsWith(".egg-info");
}
