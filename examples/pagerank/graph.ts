/**
 * The package graph of a package-lock.json. A node is an installed package; its edges lead to the installed packages
 * that Node.js would resolve its dependencies to.
 */
import { posix } from "node:path";

const DEPENDENCY_KINDS = ["dependencies", "optionalDependencies", "peerDependencies"];

/** The names of each installed package's dependencies, by its path (empty for the project itself). */
export type Lock = ReadonlyMap<string, readonly string[]>;

/** The nodes that each node links to, each once. */
export type Graph = ReadonlyMap<string, readonly string[]>;

/** @throws TypeError if the lock file has no `packages`, as in version 1. */
export function parseLock(json: unknown): Lock {
  const packages = recordOf(recordOf(json)["packages"]);
  if (Object.keys(packages).length === 0) {
    throw new TypeError(
      "No packages in package-lock.json: expected lockfileVersion 2 or 3. Run npm install with npm 7 or later.",
    );
  }
  return new Map(Object.entries(packages).map(([path, entry]) => [path, dependencyNames(recordOf(entry))]));
}

/** The paths of the installed dependencies of the package at `path`. */
export function resolveDependencies(lock: Lock, path: string): readonly string[] {
  const names = lock.get(path) ?? [];
  const targets = names.map((name) => resolveDependency(lock, path, name));
  return [...new Set(targets.filter((target) => target !== undefined))];
}

/** Searches the nearest node_modules first, then those of the parent folders, like Node.js. */
function resolveDependency(lock: Lock, from: string, name: string): string | undefined {
  const target = posix.join(from, "node_modules", name);
  if (lock.has(target)) return target;
  const outerFolder = posix.dirname(from);
  return outerFolder === from ? undefined : resolveDependency(lock, outerFolder, name);
}

export function countEdges(graph: Graph): number {
  return [...graph.values()].reduce((count, targets) => count + targets.length, 0);
}

function dependencyNames(entry: Readonly<Record<string, unknown>>): string[] {
  return DEPENDENCY_KINDS.flatMap((kind) => Object.keys(recordOf(entry[kind])));
}

/** The cast is safe, because any object may be read by any key. */
function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
