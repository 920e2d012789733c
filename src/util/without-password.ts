/**
 * A text without the passwords of the URLs in it, for logs and messages. It hides too much rather than too little, because
 * people do not escape the `@` and `/` in passwords. A text of JSON stays valid.
 *
 *     withoutPassword("postgres://tidemark:s3cret@db.example/jobs")   // "postgres://tidemark:***@db.example/jobs"
 */
export function withoutPassword(text: string): string {
  return text.replaceAll(USER_PASSWORD, "$1:***@").replaceAll(PARAMETER, "$1***");
}

/** Up to the last `@` of a word. A quote ends a word, unless it is escaped. */
const USER_PASSWORD = /(\/\/[^:@/?\s"]*):(?:\\.|[^\s"\\])*@/g;
const PARAMETER = /([?&][^=&\s"]*pass[^=&\s"]*=)(?:\\.|[^&\s"\\])*/gi;
