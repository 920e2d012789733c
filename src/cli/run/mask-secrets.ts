/**
 * Masks what looks like a secret in the texts that `tidemark run` publishes. Everyone who may watch the job can read
 * them, but users think of a command line as private. The command itself gets its arguments unchanged.
 *
 *     maskSecrets("fetching https://alice:s3cret@example.org")   "fetching https://alice:***@example.org"
 *     maskCommand(["deploy", "--token", "x"])                    ["deploy", "--token", "***"]
 *
 * A value is a secret if its name says so (`--password`, `API_KEY=`, `Authorization:`), if it is the password in an
 * address, or if it has the shape of a well-known token. The patterns are linear, because lines are untrusted.
 */
import { basename } from "node:path";

export const MASK = "***";

/** Masks a line of output, or a script. */
export function maskSecrets(text: string): string {
  if (!MAY_HOLD_SECRET.test(text)) return text;
  return RULES.reduce((masked, [pattern, replacement]) => masked.replace(pattern, replacement), text);
}

/** Masks the words of a command. A word that is named like a secret is masked to its end, whatever it contains. */
export function maskCommand(words: readonly string[]): string[] {
  return maskLogins(words).map((word, index) => maskWord(word, index > 0 ? words[index - 1]! : ""));
}

function maskWord(word: string, previous: string): string {
  if (SECRET_OPTION.test(previous) && !OPTION.test(word)) return MASK;
  if (SCRIPT_OPTION.test(previous)) return maskSecrets(maskLogins(word.split(/(?<=\s)|(?=\s)/)).join(""));
  return maskSecrets(word.replace(NAMED_WORD, `$1${MASK}`));
}

/** Masks passwords in options that only mean a password after a certain program, such as `mysql -pSECRET`. */
function maskLogins(words: readonly string[]): string[] {
  let mask: LoginMask | undefined;
  let previous = "";
  return words.map((word) => {
    if (word.trim() === "") return word;
    mask = LOGINS.get(basename(word)) ?? mask;
    const masked = mask?.(word, previous) ?? word;
    previous = word;
    return masked;
  });
}

type LoginMask = (word: string, previous: string) => string;

const afterColon: LoginMask = (word, previous) =>
  /^(-u|-U|--user|--proxy-user)$/.test(previous) || /^(-[uU]|--user=|--proxy-user=)[^:]/.test(word)
    ? word.replace(/:.+/s, `:${MASK}`)
    : word;
const attached: LoginMask = (word) => word.replace(/^-p.+/s, `-p${MASK}`);
const afterOption =
  (option: string): LoginMask =>
  (word, previous) =>
    previous === option ? MASK : word.replace(new RegExp(`^${option}.+`, "s"), option + MASK);

/** `-passin pass:x`; `env:NAME` and `file:NAME` are no secrets. */
const passphrase: LoginMask = (word) => word.replace(/^pass:.+/s, `pass:${MASK}`);

const LOGINS: ReadonlyMap<string, LoginMask> = new Map([
  ["curl", afterColon],
  ["mysql", attached],
  ["mysqladmin", attached],
  ["mysqldump", attached],
  ["mariadb", attached],
  ["mariadb-dump", attached],
  ["sshpass", afterOption("-p")],
  ["login", afterOption("-p")], // docker login, helm registry login
  ["redis-cli", afterOption("-a")],
  ["openssl", passphrase],
]);

/** The end of a name whose value is a secret. `max_tokens`, `--token-file` and `$PWD` have none. */
const SECRET_NAME = [
  "passw(?:or)?d|passphrase|secret|token|authorization|cookie|bearer",
  "(?:api|access|account|auth|encryption|master|private|secret|signing)[-_.]?key",
  "(?<=--|[a-z0-9][-_.])(?:pass|pwd|pw)|(?<=(?:^|\\s)-)pass(?=:)|(?<=\\b|[-_])_auth",
].join("|");
/** A value in a shell script or in a file of settings. */
const VALUE = String.raw`(?:"[^"]*"?|'[^']*'?|[^\s"'&;|][^\s&;|]*)`;
const JSON_VALUE = String.raw`(?:"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s"',}]+)`;

const SECRET_OPTION = new RegExp(String.raw`^--?[\w.-]*?(?:${SECRET_NAME})$`, "i");
const OPTION = /^--?[a-z][a-z-]*(=|$)/i;
const SCRIPT_OPTION = /^-[a-z]*c$/;
const NAMED_WORD = new RegExp(String.raw`^(\S*?(?:${SECRET_NAME})(?:=|\s*:\s*)).+`, "is");

type Rule = readonly [pattern: RegExp, replacement: string];

const NAMED: readonly Rule[] = [
  // -H 'Authorization: Bearer x', "Cookie": "x"
  [/((?:authorization|cookie)["']?\s*[:=]\s*["']?)[^"'\n]+/gi, `$1${MASK}`],
  // --password x
  [
    new RegExp(
      String.raw`((?<![\w.-])--?[\w.-]*?(?:${SECRET_NAME})[ \t]+)(?!--?[a-z][a-z-]*(?:[\s=]|$))${VALUE}`,
      "gi",
    ),
    `$1${MASK}`,
  ],
  // TOKEN=x, token = "x", ?token=x&…
  [
    new RegExp(String.raw`((?:${SECRET_NAME}|[?&](?:x-[a-z]+-)?sig(?:nature)?)[ \t]?=[ \t]?)${VALUE}`, "gi"),
    `$1${MASK}`,
  ],
  // "token": "x"
  [new RegExp(String.raw`((?:${SECRET_NAME})["']\s*:\s*)${JSON_VALUE}`, "gi"), `$1${MASK}`],
  // Password: x
  [new RegExp(String.raw`((?:passw(?:or)?d|passphrase)\s?:\s?)${VALUE}`, "gi"), `$1${MASK}`],
  // Token: 9f3a1c07, but not "Unexpected token: end"
  [new RegExp(String.raw`((?:${SECRET_NAME})\s?:\s?)(?=[^\s\d]{0,40}\d)[^\s"']{8,}`, "gi"), `$1${MASK}`],
];

/** The shapes of tokens that can be told by their beginning. */
const SHAPES = [
  "gh[opsur]_[A-Za-z0-9]{20,}", // GitHub
  "github_pat_[A-Za-z0-9_]{20,}",
  "glpat-[A-Za-z0-9_-]{16,}", // GitLab
  "sk-[A-Za-z0-9_-]{16,}", // OpenAI, Anthropic
  "[rs]k_(?:live|test)_[A-Za-z0-9]{10,}", // Stripe
  "(?:AKIA|ASIA)[A-Z0-9]{16}", // AWS
  "AIza[A-Za-z0-9_-]{35}", // Google
  "ya29\\.[A-Za-z0-9_-]{20,}",
  "xox[a-z]-[A-Za-z0-9-]{10,}", // Slack
  "npm_[A-Za-z0-9]{30,}",
  "pypi-[A-Za-z0-9_-]{30,}",
  "hf_[A-Za-z0-9]{30,}", // Hugging Face
  "tm_[A-Za-z0-9_-]{40,}", // Tidemark
  "eyJ[A-Za-z0-9_-]{10,}\\.eyJ[A-Za-z0-9_-]{10,}(?:\\.[A-Za-z0-9_-]*)?", // JSON Web Token
];

const RULES: readonly Rule[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----.*?(-----END [A-Z ]*PRIVATE KEY( BLOCK)?-----|$)/gs, MASK],
  [/(:\/\/[^\s/:@"']*:)[^\s/]+@/g, `$1${MASK}@`],
  ...NAMED,
  [/\b(bearer|basic)(\s+)(?=[^\s\d]{0,40}\d)[\w.~+/-]{8,}=*/gi, `$1$2${MASK}`],
  [new RegExp(String.raw`(?<![A-Za-z0-9_])(?:${SHAPES.join("|")})`, "g"), MASK],
];

/** Every secret that the rules find contains one of these; most lines contain none. */
const MAY_HOLD_SECRET =
  /pass|secret|token|auth|cookie|bearer|basic|key|pwd|pw|sig|:\/\/|_pat_|gh[opsur]_|glpat-|sk-|[rs]k_|AKIA|ASIA|AIza|ya29|xox|npm_|pypi-|hf_|tm_|eyJ/i;
