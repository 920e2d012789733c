/**
 * A text without the passwords of the URLs in it, for logs and messages. It hides too much rather than too little, because
 * people do not escape the `@` and `/` in passwords. A text of JSON stays valid.
 *
 *     withoutPassword("postgres://tidemark:s3cret@db.example/jobs")   // "postgres://tidemark:***@db.example/jobs"
 */
export function withoutPassword(text: string): string {
  return text.replaceAll(USER_PASSWORD, "$1$2:***@").replaceAll(PARAMETER, "$1***");
}

/** Up to the last `@` of a word, or of a line for a database server. A quote ends both, unless it is escaped. */
const USER_PASSWORD =
  /(postgres(?:ql)?:\/\/[^:@/?\s"]*):(?:\\.|[^\n"\\])*@|(\/\/[^:@/?\s"]*):(?:\\.|[^\s"\\])*@/gi;
const PARAMETER = /([?&][^=&\s"]*pass[^=&\s"]*=)(?:\\.|[^&\s"\\])*/gi;
