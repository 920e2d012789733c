/** What identifies a job on one server. */
interface JobLocation {
  readonly database: string;
  /** Without it, the page shows the newest job with this id. */
  readonly username?: string | null | undefined;
  readonly jobId: string;
}

/**
 * The full address of a job's page on the dashboard, without credentials.
 *
 *     jobUrl("http://127.0.0.1:4000", { database: "default", username: "alice", jobId: "import-1" })
 *     // http://127.0.0.1:4000/?database=default&owner=alice&job=import-1
 *
 * @param serverUrl with or without a path prefix, a slash at the end, or the `/graphql` of the API
 * @throws TypeError if `serverUrl` is not a URL.
 */
export function jobUrl(serverUrl: string, { database, username, jobId }: JobLocation): string {
  const { origin, pathname } = new URL(serverUrl);
  const prefix = pathname.replace(/(\/graphql)?\/*$/, "");
  const fields = { database, ...(username && { owner: username }), job: jobId };
  return `${origin}${prefix}/?${new URLSearchParams(fields).toString()}`;
}
