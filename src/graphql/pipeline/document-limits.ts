import { Kind, type DocumentNode, type FragmentDefinitionNode, type SelectionSetNode } from "graphql";
import type { Limits } from "../../protocol/limits.js";
import { limitExceeded, type TidemarkError } from "../../protocol/tidemark-error.js";

/**
 * Returns an error for each limit that the document exceeds (law 16). The limits are checked before validation, in
 * one pass, because the time of graphql-js's validation grows with the square of some of these numbers. A fragment
 * counts each time it is spread.
 */
export function documentLimitErrors(document: DocumentNode, limits: Limits): TidemarkError[] {
  const { levels, aliases, directives } = measureDocument(document);
  const measured = [
    { limit: "documentDepthMax", count: levels, what: `The document nests fields ${levels} levels deep` },
    { limit: "documentAliasesMax", count: aliases, what: `The document has ${aliases} aliases` },
    { limit: "documentDirectivesMax", count: directives, what: `The document has ${directives} directives` },
  ] as const;
  return measured
    .filter(({ limit, count }) => count > limits[limit])
    .map(({ limit, what }) => limitExceeded(limit, what, limits[limit]));
}

/**
 * Returns an error if `variables` are nested too deeply. Call it before they are coerced. It looks no deeper than the
 * limit, because a value can be nested more deeply than the call stack allows.
 */
export function variablesLimitError(variables: unknown, limits: Limits): TidemarkError | undefined {
  const { variablesDepthMax } = limits;
  if (!nestsDeeper(variables, variablesDepthMax)) return undefined;
  const what = `The variables nest more than ${variablesDepthMax} levels`;
  return limitExceeded("variablesDepthMax", what, variablesDepthMax);
}

/** Visits all variables of every request, so it allocates nothing. */
function nestsDeeper(value: unknown, levels: number): boolean {
  if (levels < 0) return true;
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) {
    for (const item of value) if (nestsDeeper(item, levels - 1)) return true;
    return false;
  }
  const fields = value as Readonly<Record<string, unknown>>; // safe: any object can be indexed
  for (const name in fields) if (nestsDeeper(fields[name], levels - 1)) return true;
  return false;
}

interface Measure {
  /** The depth of nested fields; fields without a selection do not count. */
  readonly levels: number;
  readonly aliases: number;
  readonly directives: number;
}

function measureDocument(document: DocumentNode): Measure {
  const measurer = new Measurer(document);
  return document.definitions
    .filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
    .map(({ selectionSet, directives }) => withDirectives(measurer.selectionSet(selectionSet), directives))
    .reduce(beside, NOTHING);
}

/** Measures each fragment once, however often it is spread, so that measuring stays cheap. */
class Measurer {
  readonly #fragments: Map<string, FragmentDefinitionNode>;
  readonly #measured = new Map<string, Measure>();

  constructor({ definitions }: DocumentNode) {
    const fragments = definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION);
    this.#fragments = new Map(fragments.map((fragment) => [fragment.name.value, fragment]));
  }

  selectionSet({ selections }: SelectionSetNode): Measure {
    return selections
      .map((selection) => {
        switch (selection.kind) {
          case Kind.FIELD: {
            const { levels, aliases, directives } = selection.selectionSet
              ? below(this.selectionSet(selection.selectionSet))
              : NOTHING;
            const measure = { levels, aliases: aliases + (selection.alias ? 1 : 0), directives };
            return withDirectives(measure, selection.directives);
          }
          case Kind.INLINE_FRAGMENT:
            return withDirectives(this.selectionSet(selection.selectionSet), selection.directives);
          case Kind.FRAGMENT_SPREAD:
            return withDirectives(this.#fragment(selection.name.value), selection.directives);
        }
      })
      .reduce(beside, NOTHING);
  }

  /** A fragment that spreads itself counts as nothing within itself; validation rejects it. */
  #fragment(name: string): Measure {
    const measured = this.#measured.get(name);
    if (measured) return measured;
    const fragment = this.#fragments.get(name);
    if (!fragment) return NOTHING;
    this.#measured.set(name, NOTHING);
    const measure = withDirectives(this.selectionSet(fragment.selectionSet), fragment.directives);
    this.#measured.set(name, measure);
    return measure;
  }
}

const NOTHING: Measure = { levels: 0, aliases: 0, directives: 0 };

function below({ levels, aliases, directives }: Measure): Measure {
  return { levels: levels + 1, aliases, directives };
}

function beside(a: Measure, b: Measure): Measure {
  return {
    levels: Math.max(a.levels, b.levels),
    aliases: a.aliases + b.aliases,
    directives: a.directives + b.directives,
  };
}

function withDirectives(measure: Measure, directives: readonly unknown[] | undefined): Measure {
  return { ...measure, directives: measure.directives + (directives?.length ?? 0) };
}
