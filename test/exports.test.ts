import ts from "typescript";
import { describe, expect, it } from "vitest";

/** Editors show the documentation of exports and their members, so each must have some. */

const SDK = ["src/client/index.ts", "src/client/react/index.ts"];
const ENTRIES = ["src/index.ts", ...SDK];
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
  it.each(ENTRIES)("of %s are all documented", (entry) => {
    expect(
      exportsOf(entry)
        .filter(isUndocumented)
        .map(({ name }) => name),
    ).toEqual([]);
  });

  it.each(SDK)("of %s have only documented members and overloads", (entry) => {
    const members = exportsOf(entry).flatMap(membersOf);

    expect(members.filter(isUndocumentedMember).map((member) => member.getText().split("\n")[0])).toEqual([]);
  });
});

function exportsOf(entry: string): ts.Symbol[] {
  const file = checker.getSymbolAtLocation(program.getSourceFile(entry)!)!;
  return checker.getExportsOfModule(file).map((symbol) => {
    const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
    return isAlias ? checker.getAliasedSymbol(symbol) : symbol;
  });
}

function isUndocumented(symbol: ts.Symbol): boolean {
  return symbol.getDocumentationComment(checker).length === 0;
}

/** The members of a class or an interface, except `kind` and those with a computed name. */
function membersOf({ declarations = [] }: ts.Symbol): ts.Node[] {
  const members = declarations.flatMap((declaration): ts.NodeArray<ts.ClassElement | ts.TypeElement> | [] =>
    ts.isClassDeclaration(declaration) || ts.isInterfaceDeclaration(declaration) ? declaration.members : [],
  );
  return members.filter(({ name }) => !name || (ts.isIdentifier(name) && name.text !== "kind"));
}

/** Ignores the implementation of overloads, which editors do not show. */
function isUndocumentedMember(member: ts.Node): boolean {
  const symbol = ts.isMethodDeclaration(member) && checker.getSymbolAtLocation(member.name);
  const isBodyOfOverloads =
    symbol && symbol.declarations!.length > 1 && symbol.declarations!.at(-1) === member;
  return !isBodyOfOverloads && ts.getJSDocCommentsAndTags(member).length === 0;
}
