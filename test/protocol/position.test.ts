import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  EPOCH_LENGTH,
  formatPosition,
  newestRevisionIn,
  ORIGIN,
  parsePosition,
  type Position,
} from "../../src/protocol/position.js";

const EPOCH = "aZ09-_aZ09-_";
const refused = expect.objectContaining({ name: "TidemarkError", code: "BAD_USER_INPUT" });

const epoch = fc.string({
  unit: fc.constantFrom(..."ABCxyz0189-_"),
  minLength: EPOCH_LENGTH,
  maxLength: EPOCH_LENGTH,
});
/** Any position that a server can issue: in a catch-up, `base` <= `began` < `seen`, and `base` is at most the revision. */
const position: fc.Arbitrary<Position> = fc
  .tuple(epoch, fc.maxSafeNat(), fc.maxSafeNat(), fc.maxSafeNat(), fc.boolean())
  .map(([epochText, a, b, c, isCatchUp]) => {
    const base = Math.min(a, b, c);
    const rest = { epoch: epochText, revision: a };
    const began = Math.max(b, base);
    const catchUp = c > began ? { base, began, seen: c } : { base, began };
    return isCatchUp ? { ...rest, catchUp } : rest;
  });

describe("a position", () => {
  it("parses to the position that was formatted", () => {
    fc.assert(
      fc.property(position, (given) => {
        expect(parsePosition(formatPosition(given))).toEqual(given);
      }),
      { numRuns: 1_000 },
    );
  });

  it("has only one text form: every valid text is unchanged after parsing and formatting", () => {
    fc.assert(
      fc.property(position, (given) => {
        const text = formatPosition(given);

        expect(formatPosition(parsePosition(text))).toBe(text);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    [{ epoch: EPOCH, revision: 0 }, `${EPOCH}.0`],
    [{ epoch: EPOCH, revision: 42 }, `${EPOCH}.42`],
    [{ epoch: EPOCH, revision: Number.MAX_SAFE_INTEGER }, `${EPOCH}.9007199254740991`],
    [{ epoch: EPOCH, revision: 42, catchUp: { base: 0, began: 50 } }, `${EPOCH}.42.0.50`],
    [{ epoch: EPOCH, revision: 60, catchUp: { base: 7, began: 50 } }, `${EPOCH}.60.7.50`],
    [{ epoch: EPOCH, revision: 60, catchUp: { base: 7, began: 50, seen: 70 } }, `${EPOCH}.60.7.50.70`],
  ])("formats its epoch, its revision and the start of a catch-up: %j", (given, text) => {
    expect(formatPosition(given)).toBe(text);
    expect(parsePosition(text)).toEqual(given);
  });

  it("is valid at the origin", () => {
    expect(parsePosition(formatPosition(ORIGIN))).toEqual(ORIGIN);
  });
});

describe("the newest revision in a position", () => {
  it.each([
    [`${EPOCH}.42`, 42],
    [`${EPOCH}.7.7.50`, 7],
    [`${EPOCH}.8.7.50`, 50],
    [`${EPOCH}.60.7.50`, 60],
    [`${EPOCH}.8.7.50.70`, 70],
  ])("of %s is %i: that of the newest state that a subscriber has received a part of", (text, newest) => {
    expect(newestRevisionIn(parsePosition(text))).toBe(newest);
  });
});

describe("an invalid position", () => {
  it.each([
    "",
    ".",
    "1",
    EPOCH,
    `${EPOCH}.`,
    `${EPOCH}.-1`,
    `${EPOCH}.+1`,
    `${EPOCH}.1.5`,
    `${EPOCH}.9.1.5.5`,
    `${EPOCH}.9.1.5.06`,
    `${EPOCH}.9.1.5.9007199254740992`,
    `${EPOCH}.01`,
    `${EPOCH}.00`,
    `${EPOCH}.1e3`,
    `${EPOCH}.0x1`,
    `${EPOCH}. 1`,
    `${EPOCH}.1 `,
    `${EPOCH}.1\n`,
    ` ${EPOCH}.1`,
    `${EPOCH}.1.`,
    `${EPOCH}.1.0.1.0`,
    `${EPOCH}.٣`,
    `${EPOCH.slice(1)}.1`,
    `${EPOCH}a.1`,
    `${EPOCH.slice(1)}+.1`,
    `${EPOCH.slice(1)}=.1`,
    `${EPOCH.slice(1)}é.1`,
    "null",
    "__proto__",
    "\u0000",
    "\ud800",
  ])("is rejected with BAD_USER_INPUT: %j", (text) => {
    expect(() => parsePosition(text)).toThrow(refused);
  });

  it.each([
    `${EPOCH}.9007199254740992`,
    `${EPOCH}.9999999999999999`,
    `${EPOCH}.1.0.9007199254740992`,
    `${EPOCH}.99999999999999999999`,
  ])("is rejected with BAD_USER_INPUT if a revision is above 2^53 - 1: %j", (text) => {
    expect(() => parsePosition(text)).toThrow(refused);
  });

  it.each([`${EPOCH}.4.5.9`, `${EPOCH}.9.5.4`])(
    "is rejected with BAD_USER_INPUT if a catch-up goes backward: %j",
    (text) => {
      expect(() => parsePosition(text)).toThrow(refused);
    },
  );

  it("is rejected with BAD_USER_INPUT for any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        expect(() => parsePosition(text)).toThrow(refused);
      }),
    );
  });

  it("is rejected with BAD_USER_INPUT after one character is replaced", () => {
    fc.assert(
      fc.property(
        position,
        fc.nat(40),
        fc.constantFrom("x", "-", " ", "é", "", ".", "\n"),
        (given, index, other) => {
          const text = formatPosition(given);
          const spoilt = text.slice(0, index) + other + text.slice(index + 1);

          expect(textOrCode(spoilt)).toBeOneOf([spoilt, "BAD_USER_INPUT"]);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("appears in the message, truncated if it is long", () => {
    expect(() => parsePosition("yesterday")).toThrow('"yesterday" is not a valid position.');
    expect(() => parsePosition("x".repeat(1_000_000))).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^.{0,200}$/) }),
    );
  });
});

/** The text after parsing and formatting, or the code of the error. */
function textOrCode(text: string): string {
  try {
    return formatPosition(parsePosition(text));
  } catch (error) {
    return (error as { code: string }).code;
  }
}
