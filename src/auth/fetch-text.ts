/**
 * Fetches a small text from a server that may be slow, broken or malicious.
 * @throws Error if it does not answer in time, answers with another status than 2xx, or answers with too much.
 */
export async function fetchText(url: string, options: RequestInit = {}): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), ...options });
  if (!response.ok) throw new Error(`${url} answered with status ${response.status}`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > BYTES_MAX) throw new Error(`the answer of ${url} is larger than ${BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

const TIMEOUT_MS = 5_000;
const BYTES_MAX = 1_000_000;
