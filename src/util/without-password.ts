/**
 * A text without the passwords of the URL in it, for logs and messages. It hides too much rather than too little, because
 * people do not escape the `@` and `/` in passwords.
 *
 *     withoutPassword("postgres://tidemark:s3cret@db.example/jobs")   // "postgres://tidemark:***@db.example/jobs"
 */
export function withoutPassword(text: string): string {
  return text
    .replace(/(\/\/[^:@/?]*):.*@/, "$1:***@")
    .replaceAll(/([?&][^=&]*pass[^=&]*=)[^&\s"]*/gi, "$1***");
}
