import { describe, expect, it } from "vitest";
import { withoutPassword } from "../../src/util/without-password.js";

describe("a URL without its password", () => {
  it.each([
    ["postgres://tidemark:s3cret@db.example/jobs", "postgres://tidemark:***@db.example/jobs"],
    ["postgres://:s3cret@db.example/jobs", "postgres://:***@db.example/jobs"],
    ["postgresql://tidemark:s3 cr@e:t@db.example/jobs", "postgresql://tidemark:***@db.example/jobs"],
    ["postgres://tidemark:s3/cr@e:t@db.example/jobs", "postgres://tidemark:***@db.example/jobs"],
    [
      "postgres:///jobs?host=/run/pg&password=s3cret&user=u",
      "postgres:///jobs?host=/run/pg&password=***&user=u",
    ],
    [
      "postgres://db/jobs?sslmode=require&sslpassword=s3cret",
      "postgres://db/jobs?sslmode=require&sslpassword=***",
    ],
    ["postgres://db/jobs?PASSWORD=s3cret", "postgres://db/jobs?PASSWORD=***"],
    ['"postgres://u:a\\"b@db" and "c@d"', '"postgres://u:***@db" and "c@d"'],
    ["--url=http://u:a@b or --stor=postgres://u:c@d", "--url=http://u:***@b or --stor=postgres://u:***@d"],
    ["redis//user:s3cret@host", "redis//user:***@host"],
  ])("hides it in %s", (url, shown) => {
    expect(withoutPassword(url)).toBe(shown);
  });

  it.each([
    "lmdb:./tidemark-data",
    "memory:",
    "postgres://tidemark@db.example:5432/jobs",
    "http://localhost:4000/",
    ":80a",
  ])("leaves %s as it is", (text) => {
    expect(withoutPassword(text)).toBe(text);
  });
});
