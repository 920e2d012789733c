/**
 * PageRank: the share of time that a random visitor spends at each node. The visitor follows a link with probability
 * DAMPING, and otherwise, or if there is no link, jumps to any node. The scores add up to 1.
 */
import type { Graph } from "./graph.js";

const DAMPING = 0.85;

/** The score of each node. */
export type Scores = ReadonlyMap<string, number>;

/** The initial scores, equal for all nodes. */
export function uniformScores(graph: Graph): Scores {
  return new Map([...graph.keys()].map((node) => [node, 1 / graph.size]));
}

/** One iteration: each node divides its score equally among its links, or among all nodes if it has none. */
export function pageRankStep(graph: Graph, scores: Scores): Scores {
  const danglingMass = sum(
    [...graph].map(([node, targets]) => (targets.length === 0 ? scoreOf(scores, node) : 0)),
  );
  const base = (1 - DAMPING + DAMPING * danglingMass) / graph.size;
  const next = new Map([...graph.keys()].map((node) => [node, base]));
  for (const [node, targets] of graph) {
    const part = (DAMPING * scoreOf(scores, node)) / targets.length;
    for (const target of targets) next.set(target, scoreOf(next, target) + part);
  }
  return next;
}

/** The largest change of any node's score. A small one means that the scores have converged. */
export function largestChange(before: Scores, after: Scores): number {
  return Math.max(...[...after].map(([node, score]) => Math.abs(score - scoreOf(before, node))));
}

/** The `count` nodes with the highest scores, highest first. */
export function topScores(
  scores: Scores,
  count: number,
): readonly (readonly [node: string, score: number])[] {
  return [...scores].toSorted(([, left], [, right]) => right - left).slice(0, count);
}

function scoreOf(scores: Scores, node: string): number {
  const score = scores.get(node);
  if (score === undefined) throw new TypeError(`No node ${node} in the graph`);
  return score;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
