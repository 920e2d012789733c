import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TerminalLines } from "../../../src/cli/run/terminal-lines.js";

/** The lines of an output, then the current row. A `<` marks lines that were drawn over. */
function linesOf(text: string): string[] {
  const terminal = new TerminalLines();
  const lines = [...terminal.write(Buffer.from(text)), terminal.row];
  return lines.map(({ text: line, isDrawnOver }) => `${isDrawnOver ? "<" : ""}${line}`);
}

describe("An output", () => {
  it.each([
    ["lines", "one\ntwo\r\nthree", ["one", "two", "three"]],
    ["blank lines, which are dropped", "\n\n one \n\n", [" one", ""]],
    ["a line that is drawn over", "a 1%\ra 2%\ra 3%\n", ["<a 1%", "<a 2%", "<a 3%", ""]],
    ["a shorter text over a longer one", "12/20 long\r13/20\n", ["<12/20 long", "<13/20", ""]],
    ["backspaces", "done: 10%\b\b\b20%\b\b\b30%", ["<done: 10%", "<done: 20%", "<done: 30%"]],
    ["more backspaces than characters", "a\b\b\bb", ["<a", "<b"]],
    ["colours", "\u001b[1;31merror\u001b[0m: \u001b[38;2;1;2;3mno\u001b[m\n", ["error: no", ""]],
    ["a row that is erased", "1%\u001b[2K\r2%\u001b[0K", ["<1%", "<2%"]],
    ["the rest of a row that is erased", "1% of all\u001b[4G\u001b[K\n", ["<1% of all", "<1%", ""]],
    ["moves within a row", "a\u001b[5Cb\u001b[2D\u001b[1Gc", ["<a     b", "<c"]],
    ["moves to another row", "up\u001b[Aover\u001b[24;0fdown\u001b8", ["<up", "<over", "<down", ""]],
    ["window titles", "\u001b]0;title\u0007a\u001b]8;;http://x\u001b\\b\n", ["ab", ""]],
    ["other sequences", "\u001b(B\u001b7\u001b=\u001b[?25la\n", ["a", ""]],
    ["a tab", "a\tb\n", ["a b", ""]],
    ["other control characters, which are dropped", "a\u0000\u0007\u0090\u000bb\n", ["ab", ""]],
    ["characters that are not controls", "caf\u00e9 \ud83d\ude00\n", ["caf\u00e9 \ud83d\ude00", ""]],
  ])("is read as on a terminal: %s", (_, text, lines) => {
    expect(linesOf(text)).toEqual(lines);
  });

  it("is read the same for any chunk boundaries", () => {
    fc.assert(
      fc.property(
        fc.array(printed, { maxLength: 12 }),
        fc.array(fc.nat(9), { minLength: 1 }),
        (parts, cuts) => {
          const bytes = Buffer.from(parts.join(""));
          const whole = new TerminalLines();
          const cut = new TerminalLines();
          const lines = chunksOf(bytes, cuts).flatMap((chunk) => cut.write(chunk));
          expect([lines, cut.row]).toEqual([whole.write(bytes), whole.row]);
        },
      ),
    );
  });

  it("becomes short lines without control characters for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3_000 }), (bytes) => {
        const terminal = new TerminalLines();
        for (const { text } of [...terminal.write(bytes), terminal.row]) {
          expect(text).not.toMatch(/\p{Cc}/u);
          expect(text.length).toBeLessThanOrEqual(1_000);
        }
      }),
    );
  });

  it("without line breaks takes no more memory than one line", () => {
    const terminal = new TerminalLines();
    for (let chunk = 0; chunk < 1_000; chunk++) terminal.write(Buffer.alloc(1_000, "x\u001b]"));

    expect(terminal.row.text.length).toBeLessThanOrEqual(1_000);
  });

  it("is read again from the next line on after skipped bytes", () => {
    const terminal = new TerminalLines();
    terminal.write(Buffer.from("one 1"));
    terminal.skip();

    expect(terminal.write(Buffer.from("00%\ntwo\n"))).toEqual([{ text: "two", isDrawnOver: false }]);
  });
});

const printed = fc.oneof(
  fc.constantFrom(
    "\r",
    "\n",
    "\b",
    "\u001b[K",
    "\u001b[2K",
    "\u001b[1A",
    "\u001b[31m",
    "\u001b[3D",
    "\u001b]0;t\u0007",
  ),
  fc.string({ unit: "grapheme", maxLength: 8 }),
);

/** The bytes in chunks of up to ten, with these lengths in turn. */
function chunksOf(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let from = 0, turn = 0; from < bytes.length; turn++) {
    const to = from + 1 + lengths[turn % lengths.length]!;
    chunks.push(bytes.subarray(from, to));
    from = to;
  }
  return chunks;
}
