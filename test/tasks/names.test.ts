import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../src/protocol/limits.js";
import {
  ANONYMOUS,
  parseDatabaseName,
  parseDescription,
  parseJobId,
  parseMessage,
  parseRequestId,
  parseUsername,
} from "../../src/tasks/names.js";
import { errorWithCode } from "./sample-trees.js";

const COMPOSED = "Zo\u00eb";
const DECOMPOSED = "Zoe\u0308";
const NAMES = [
  ["database name", parseDatabaseName],
  ["username", parseUsername],
  ["jobId", parseJobId],
  ["requestId", parseRequestId],
] as const;
const TEXTS = [...NAMES, ["description", parseDescription]] as const;

/** Any string, including combining marks, unpaired surrogates and control characters. */
const anyText = fc.string({ unit: "binary", maxLength: 40 });
/** Text with several Unicode compositions: letters of many alphabets with marks. */
const markedText = fc.string({
  unit: fc.oneof(
    fc.constantFrom("A", "e", "o", "i", "Σ", "ς", "İ", "I", "K", "Å", "ß", "ẞ", "Ω", "ᾼ", "ﬁ", "각"),
    fc.integer({ min: 0x300, max: 0x36f }).map((point) => String.fromCodePoint(point)),
    fc.integer({ min: 0x1f00, max: 0x1fff }).map((point) => String.fromCodePoint(point)),
  ),
  minLength: 1,
  maxLength: 12,
});

describe.each(TEXTS)("a %s", (field, parse) => {
  it("is NFC-normalized, so that composed and decomposed forms are equal", () => {
    expect(parse(DECOMPOSED, DEFAULT_LIMITS)).toBe(parse(COMPOSED, DEFAULT_LIMITS));
  });

  it("is rejected when it is empty", () => {
    expect(() => parse("", DEFAULT_LIMITS)).toThrow(errorWithCode("BAD_USER_INPUT"));
    expect(() => parse("", DEFAULT_LIMITS)).toThrow(`The ${field} is empty.`);
  });

  it.each(["\u0000", "\n", "\t", "\u001b", "\u007f", "\u0085", "\u009f"])(
    "is rejected when it contains the control character %j",
    (control) => {
      expect(() => parse(`a${control}b`, DEFAULT_LIMITS)).toThrow(errorWithCode("BAD_USER_INPUT"));
    },
  );

  it.each(["\ud800", "a\udc00", "\udc00\ud800"])(
    "is rejected when it contains an unpaired surrogate: %j",
    (half) => {
      expect(() => parse(half, DEFAULT_LIMITS)).toThrow(errorWithCode("BAD_USER_INPUT"));
    },
  );

  it.each(["__proto__", "constructor", "toString", "a/b", "日本語", "👩‍🔬", "..", "a b"])(
    "may be %j",
    (text) => {
      expect(parse(text, DEFAULT_LIMITS).toLowerCase()).toBe(text.toLowerCase());
    },
  );

  it("is unchanged when it is normalized again", () => {
    fc.assert(
      fc.property(markedText, (text) => {
        const once = parse(text, DEFAULT_LIMITS);

        expect(parse(once, DEFAULT_LIMITS)).toBe(once);
      }),
      { numRuns: 2_000 },
    );
  });

  it("is equal for every Unicode form of its characters", () => {
    fc.assert(
      fc.property(markedText, (text) => {
        expect(parse(text.normalize("NFD"), DEFAULT_LIMITS)).toBe(
          parse(text.normalize("NFC"), DEFAULT_LIMITS),
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it("is either rejected with BAD_USER_INPUT or well-formed, normalized and free of control characters", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(textOrRefusal(() => parse(text, DEFAULT_LIMITS))).toSatisfy(isSound);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe.each(NAMES)("the length of a %s", (_, parse) => {
  it("is at most 128 bytes", () => {
    expect(parse("a".repeat(128), DEFAULT_LIMITS)).toHaveLength(128);
    expect(() => parse("a".repeat(129), DEFAULT_LIMITS)).toThrow(errorWithCode("BAD_USER_INPUT"));
  });

  it("is counted in bytes of UTF-8, not in characters", () => {
    expect(parse("€".repeat(42), DEFAULT_LIMITS)).toHaveLength(42);
    expect(() => parse("€".repeat(43), DEFAULT_LIMITS)).toThrow("has 129 bytes");
  });

  it("is counted after normalization", () => {
    expect(parse("e\u0308".repeat(64), DEFAULT_LIMITS)).toBe("ë".repeat(64));
    expect(() => parse("ë".repeat(65), DEFAULT_LIMITS)).toThrow(errorWithCode("BAD_USER_INPUT"));
  });

  it("is limited by a setting", () => {
    expect(() => parse("abcd", { ...DEFAULT_LIMITS, nameBytesMax: 3 })).toThrow("Pass 1 to 3 bytes");
  });
});

describe("a database name", () => {
  it("is lower-cased", () => {
    expect(parseDatabaseName("Neo4J", DEFAULT_LIMITS)).toBe("neo4j");
  });

  it("is lower-cased before it is normalized", () => {
    expect(parseDatabaseName("ZOE\u0308", DEFAULT_LIMITS)).toBe("zo\u00eb");
    expect(parseDatabaseName("\u212b", DEFAULT_LIMITS)).toBe("\u00e5");
  });

  it("is lower-cased regardless of the locale", () => {
    expect(parseDatabaseName("TITLE", DEFAULT_LIMITS)).toBe("title");
  });
});

describe("usernames, job ids and request ids", () => {
  it.each([parseUsername, parseJobId, parseRequestId])("keep their case", (parse) => {
    expect(parse("Alice", DEFAULT_LIMITS)).toBe("Alice");
  });

  it("include the username of anonymous callers", () => {
    expect(parseUsername(ANONYMOUS, DEFAULT_LIMITS)).toBe("anonymous");
  });
});

describe("a job id", () => {
  it.each([" ", "   ", "\u00a0", "\u3000"])("is rejected when it is blank: %j", (text) => {
    expect(() => parseJobId(text, DEFAULT_LIMITS)).toThrow(errorWithCode("BAD_USER_INPUT"));
  });

  it("keeps surrounding blanks", () => {
    expect(parseJobId(" a ", DEFAULT_LIMITS)).toBe(" a ");
  });
});

describe("a description", () => {
  it("has at most 256 bytes", () => {
    expect(parseDescription("a".repeat(256), DEFAULT_LIMITS)).toHaveLength(256);
    expect(() => parseDescription("a".repeat(257), DEFAULT_LIMITS)).toThrow(errorWithCode("BAD_USER_INPUT"));
  });

  it("keeps its case", () => {
    expect(parseDescription("PageRank :: Round", DEFAULT_LIMITS)).toBe("PageRank :: Round");
  });
});

describe("a message", () => {
  it("has at most 4,096 bytes", () => {
    expect(parseMessage("€".repeat(1_365) + "a", DEFAULT_LIMITS)).toHaveLength(1_366);
    expect(() => parseMessage("€".repeat(1_365) + "ab", DEFAULT_LIMITS)).toThrow("has 4097 bytes");
    expect(() => parseMessage("a".repeat(4_097), DEFAULT_LIMITS)).toThrow(errorWithCode("BAD_USER_INPUT"));
  });

  it("may be empty, and may contain any character", () => {
    expect(parseMessage("", DEFAULT_LIMITS)).toBe("");
    expect(parseMessage("\u001b[31mError\u001b[0m\n\tat x\u0000", DEFAULT_LIMITS)).toBe(
      "\u001b[31mError\u001b[0m\n\tat x\u0000",
    );
  });

  it("is rejected when it contains an unpaired surrogate, which UTF-8 can't store", () => {
    expect(() => parseMessage("a\ud800b", DEFAULT_LIMITS)).toThrow(/not well-formed Unicode/);
  });

  it("is not normalized", () => {
    expect(parseMessage(DECOMPOSED, DEFAULT_LIMITS)).toBe(DECOMPOSED);
  });
});

function textOrRefusal(parse: () => string): unknown {
  try {
    return parse();
  } catch (error) {
    return error;
  }
}

function isSound(result: unknown): boolean {
  if (typeof result !== "string") return (result as { code?: unknown }).code === "BAD_USER_INPUT";
  return (
    result.isWellFormed() && result === result.normalize("NFC") && !/\p{Cc}/u.test(result) && result !== ""
  );
}
