/**
 * The package graph in a package-lock.json: its nodes are the places where a package is installed, its edges lead
 * from each to the places where node would find what it depends on.
 */
import { posix } from "node:path";

const DEPENDENCY_KINDS = ["dependencies", "optionalDependencies", "peerDependencies"];

/** By the path of each installed package (empty for the project itself): the names of the packages it depends on. */
export type Lock = ReadonlyMap<string, readonly string[]>;

/** By node: the nodes it links to, each once. */
export type Graph = ReadonlyMap<string, readonly string[]>;

/** Takes a package-lock.json as parsed; throws a TypeError when it has no `packages`, as version 1 has not. */
export function parseLock(json: unknown): Lock {
  const packages = recordOf(recordOf(json)["packages"]);
  if (Object.keys(packages).length === 0) {
    throw new TypeError(
      "No packages in package-lock.json: it needs lockfileVersion 2 or 3, which npm 7 and later write",
    );
  }
  return new Map(Object.entries(packages).map(([path, entry]) => [path, dependencyNames(recordOf(entry))]));
}

/** Where the dependencies of the package at `path` are installed; those that are not installed are left out. */
export function resolveDependencies(lock: Lock, path: string): readonly string[] {
  const names = lock.get(path) ?? [];
  const places = names.map((name) => resolveDependency(lock, path, name));
  return [...new Set(places.filter((place) => place !== undefined))];
}

/** Where node finds `name` for a file in the folder `from`: in the nearest node_modules, going outward. */
function resolveDependency(lock: Lock, from: string, name: string): string | undefined {
  const place = posix.join(from, "node_modules", name);
  if (lock.has(place)) return place;
  const outerFolder = posix.dirname(from);
  return outerFolder === from ? undefined : resolveDependency(lock, outerFolder, name);
}

/** How many links a graph has. */
export function countEdges(graph: Graph): number {
  return [...graph.values()].reduce((count, targets) => count + targets.length, 0);
}

function dependencyNames(entry: Readonly<Record<string, unknown>>): string[] {
  return DEPENDENCY_KINDS.flatMap((kind) => Object.keys(recordOf(entry[kind])));
}

/** A cast is safe here: any object may be read by any key, and what is found is unknown. */
function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
