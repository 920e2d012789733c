import ts from "typescript";
import { describe, expect, it } from "vitest";

/** Who imports the package sees what each thing promises in their editor: so each export and its members say it. */

const ENTRIES = ["src/index.ts", "src/client/index.ts"];
const program = ts.createProgram(ENTRIES, {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  strict: true,
  skipLibCheck: true,
  types: ["node"],
});
const checker = program.getTypeChecker();

describe("The exports", () => {
  it.each(ENTRIES)("of %s are described, each of them", (entry) => {
    expect(exportsOf(entry).filter(isSilent).map(nameOf)).toEqual([]);
  });
});

function exportsOf(entry: string): ts.Symbol[] {
  const file = checker.getSymbolAtLocation(program.getSourceFile(entry)!)!;
  return checker.getExportsOfModule(file).map((symbol) => {
    const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
    return isAlias ? checker.getAliasedSymbol(symbol) : symbol;
  });
}

function isSilent(symbol: ts.Symbol): boolean {
  return symbol.getDocumentationComment(checker).length === 0;
}

function nameOf(symbol: ts.Symbol): string {
  return symbol.name;
}
