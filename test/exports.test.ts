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

  it("of the SDK have no member or overload that is not", () => {
    const members = exportsOf("src/client/index.ts").flatMap(membersOf);

    expect(members.filter(isUndescribed).map((member) => member.getText().split("\n")[0])).toEqual([]);
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

/** What an editor shows of a class or an interface, but for `kind`, and for what the language calls. */
function membersOf({ declarations = [] }: ts.Symbol): ts.Node[] {
  const members = declarations.flatMap((declaration): ts.NodeArray<ts.ClassElement | ts.TypeElement> | [] =>
    ts.isClassDeclaration(declaration) || ts.isInterfaceDeclaration(declaration) ? declaration.members : [],
  );
  return members.filter(({ name }) => !name || (ts.isIdentifier(name) && name.text !== "kind"));
}

/** The body of overloads is shown nowhere. */
function isUndescribed(member: ts.Node): boolean {
  const symbol = ts.isMethodDeclaration(member) && checker.getSymbolAtLocation(member.name);
  const isBodyOfOverloads =
    symbol && symbol.declarations!.length > 1 && symbol.declarations!.at(-1) === member;
  return !isBodyOfOverloads && ts.getJSDocCommentsAndTags(member).length === 0;
}
