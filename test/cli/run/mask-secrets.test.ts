import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeCommand } from "../../../src/cli/run/command-line.js";
import { maskCommand, maskSecrets } from "../../../src/cli/run/mask-secrets.js";
import { PrivateKeyLines } from "../../../src/cli/run/private-key-lines.js";

const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
const PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----";

describe("The description of a command", () => {
  it.each([
    [["deploy", "--password", "a b", "-v"], "deploy --password *** -v"],
    [["deploy", "--api-key=a b"], "deploy --api-key=***"],
    [
      ["env", "DB_PASS=a&b;c", "MYSQL_PWD=q", "AWS_SECRET_ACCESS_KEY=a/b", "make"],
      "env DB_PASS=*** MYSQL_PWD=*** AWS_SECRET_ACCESS_KEY=*** make",
    ],
    [
      ["curl", "-H", "Authorization: Bearer abc", "-u", "alice:pw"],
      "curl -H 'Authorization: ***' -u alice:***",
    ],
    [["curl", "-H", "X-Api-Key: a b", "-ubob:pw"], "curl -H 'X-Api-Key: ***' -ubob:***"],
    [["git", "clone", "https://alice:pw@example.org/x.git"], "git clone https://alice:***@example.org/x.git"],
    [
      ["sh", "-c", "TOKEN=abc deploy --prod && mysql -ppw db"],
      "sh -c 'TOKEN=*** deploy --prod && mysql -p*** db'",
    ],
    [["sshpass", "-p", "pw", "ssh", "host"], "sshpass -p *** ssh host"],
    [["docker", "login", "-u", "alice", "-p", "pw"], "docker login -u alice -p ***"],
    [["redis-cli", "-a", "pw", "ping"], "redis-cli -a *** ping"],
    [["deploy", "--pw", "a b", "--db-pw=x", "-pass:x"], "deploy --pw *** --db-pw=*** -pass:***"],
    [
      ["openssl", "enc", "-pass", "pass:x", "-passin", "env:NAME"],
      "openssl enc -pass pass:*** -passin env:NAME",
    ],
    [["helm", "install", "--set", "db.password=a,b"], "helm install --set db.password=***"],
    [["tool", JWT, PEM, "tm_" + "x".repeat(43)], "tool *** *** ***"],
  ])("masks secrets: %j", (command, description) => {
    expect(describeCommand(command as [string])).toBe(description);
  });

  it.each([
    [["ffmpeg", "-pass", "1", "-i", "a.mp4"]],
    [["train", "--max-tokens", "4096", "--tokenizer", "gpt2"]],
    [["serve", "--token-file", "/run/token", "--password-file=x", "--author", "alice"]],
    [["docker", "run", "-p", "80:80", "--user", "1000:1000", "nginx"]],
    [["env", "PWD=/home/alice", "PATH=/bin", "make", "-j8", "KEY=1"]],
    [["login-report", "--token", "--verbose"]],
    [["rsync", "-a", "ssh://host:22/~alice/a@b", "dst"]],
  ])("keeps everything else: %j", (command) => {
    expect(maskCommand(command)).toEqual(command);
  });

  const secret = fc
    .string({ unit: fc.constantFrom(..."ABCDEFGHJKLMNPQRSTUVWXYZ23456789 &;,|'\"$=:@/\\\n"), minLength: 6 })
    .map((text) => `Z9${text}9Z`);
  const name = fc.constantFrom(
    "password",
    "db-password",
    "Token",
    "access_token",
    "client-secret",
    "API_KEY",
    "apiKey",
    "passphrase",
  );
  const other = fc.constantFrom("run", "-v", "--dry-run", "x=1", "a b", "https://host:80/x", "--");

  it("does not contain the value of a word that is named like a secret, whatever the value", () => {
    const forms = fc.tuple(name, secret).chain(([option, value]) =>
      fc.record({
        value: fc.constant(value),
        words: fc.constantFrom(
          [`--${option}`, value],
          [`--${option}=${value}`],
          [`MY_${option}=${value}`],
          ["-H", `X-${option}: ${value}`],
          ["-H", `Authorization: Basic ${value}`],
        ),
      }),
    );
    fc.assert(
      fc.property(fc.array(other), forms, fc.array(other), (before, { words, value }, after) => {
        expect(describeCommand(["tool", ...before, ...words, ...after])).not.toContain(value);
      }),
    );
  });

  it("does not contain a secret in a script or an address", () => {
    const plain = fc.string({
      unit: fc.constantFrom(..."ABCDEFGHJKLMNPQRSTUVWXYZ23456789$=:,\\"),
      minLength: 6,
    });
    const scripts = fc.oneof(
      fc.tuple(name, plain).map(([option, value]) => [`tool --${option} ${value}; next`, value]),
      fc.tuple(name, plain).map(([option, value]) => [`tool --${option} "${value} ${value}" next`, value]),
      fc.tuple(name, plain).map(([option, value]) => [`${option}='${value}' tool`, value]),
      plain.map((value) => [`curl -u alice:${value} x`, value]),
      plain.map((value) => [`get ftp://alice:${value}@host/x`, value]),
    );
    fc.assert(
      fc.property(scripts, ([script, value]) => {
        expect(describeCommand(["bash", "-ec", script!])).not.toContain(value!);
      }),
    );
  });

  it("is as long as its words, and masking twice changes nothing", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (words) => {
        const masked = maskCommand(words);
        expect(masked).toHaveLength(words.length);
        expect(maskCommand(masked)).toEqual(masked);
      }),
    );
  });
});

describe("A line of output", () => {
  it.each([
    ["+ mysql --password=pw db", "+ mysql --password=*** db"],
    [`{"token":"abc","user":"bob"}`, `{"token":***,"user":"bob"}`],
    ["Password: hunter2", "Password: ***"],
    ["token: 9f3a1c07aa", "token: ***"],
    ["Cookie: a=b; c=d", "Cookie: ***"],
    ["GET /x?access_token=abc&page=2", "GET /x?access_token=***&page=2"],
    ["GET /x?X-Amz-Signature=abc&page=2", "GET /x?X-Amz-Signature=***&page=2"],
    ["sent Bearer abc123def", "sent Bearer ***"],
    ["pushing as ghp_0123456789abcdefghij0123456789abcdefgh", "pushing as ***"],
    ["key AKIAIOSFODNN7EXAMPLE is used", "key *** is used"],
    ["sk-proj-0123456789abcdef0123 and glpat-0123456789abcdef0123", "*** and ***"],
    [`jwt ${JWT}`, "jwt ***"],
  ])("has no secrets: %j", (line, masked) => {
    expect(maskSecrets(line)).toBe(masked);
  });

  it.each([
    "Unexpected token: end of file",
    "tokens: 512/1000",
    "compiling token.c, 3/10",
    "bearer authentication failed",
    "cookie jar saved",
    "http://127.0.0.1:4000/?database=default",
    "task-1234567890123456789 done",
  ])("stays as it is without one: %j", (line) => {
    expect(maskSecrets(line)).toBe(line);
  });

  it("has nothing of a private key, which has many lines", () => {
    const keys = new PrivateKeyLines();
    const lines = [...PEM.split("\n"), "done"].map((line) => keys.mask(line));

    expect(lines).toEqual(["***", "***", "***", "***", "done"]);
  });

  it("is shown again if the end of a private key is missing", () => {
    const keys = new PrivateKeyLines();
    const lines = ["-----BEGIN PRIVATE KEY-----", ...Array.from({ length: 300 }, () => "line")];

    expect(lines.map((line) => keys.mask(line)).at(-1)).toBe("line");
  });
});
