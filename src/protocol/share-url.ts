import { jobUrl } from "./job-url.js";

/**
 * The link that shows one job. The token is in the fragment, which browsers send to no server and in no referrer.
 *
 * @param token empty if the server requires none
 */
export function shareUrl(serverUrl: string, job: Parameters<typeof jobUrl>[1], token: string): string {
  const url = jobUrl(serverUrl, job);
  return token === "" ? url : `${url}#token=${token}`;
}
