import type { z } from "zod";

/** A setting as `settings.ts` declares it. `T` is the type of its value in the config. */
export interface Definition<T> {
  /** The flag as the help shows it: "--port <port>", or "--new-epoch" for a switch. */
  readonly syntax: string;
  /** Reads the text of a flag or variable, or a JSON value of the config file. */
  readonly parser: z.ZodType<T>;
  /** The default, written as a flag value. */
  readonly default: string;
  /** The default on a server that authenticates its clients. Absent if it is the same. */
  readonly defaultWithAuth?: string;
  /** One phrase for the help and the reference page. */
  readonly help: string;
}

/** The names of a setting, all derived from its syntax. */
export interface SettingNames {
  /** "--new-epoch" */
  readonly flag: string;
  /** "TIDEMARK_NEW_EPOCH" */
  readonly variable: string;
  /** "newEpoch": the key in the config file, and in the options that commander parses. */
  readonly key: string;
}

export interface Setting<T = unknown> extends Definition<T>, SettingNames {
  /** The heading in the help and on the reference page. */
  readonly group: string;
}

/** Settings by the config properties that they set. */
type Group<D> = { readonly [K in keyof D]: D[K] extends Definition<infer T> ? Setting<T> : never };

/** Derives the names of each setting, and puts all of them under one heading. */
export function defineGroup<D extends Readonly<Record<string, Definition<unknown>>>>(
  group: string,
  definitions: D,
): Group<D> {
  const entries = Object.entries(definitions).map(([property, definition]) => [
    property,
    { ...definition, ...namesOf(definition.syntax), group } satisfies Setting,
  ]);
  // Safe: every property keeps its definition.
  return Object.fromEntries(entries) as Group<D>;
}

/**
 *     namesOf("--new-epoch")   // { flag: "--new-epoch", variable: "TIDEMARK_NEW_EPOCH", key: "newEpoch" }
 */
export function namesOf(syntax: string): SettingNames {
  const flag = syntax.replace(/ .*/, "");
  const words = flag.slice("--".length);
  return {
    flag,
    variable: `TIDEMARK_${words.replaceAll("-", "_").toUpperCase()}`,
    key: words.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase()),
  };
}
