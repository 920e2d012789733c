/**
 * Parses the addresses of one or several servers, such as `http://a:4000,http://b:4000`. The result has each server once, in
 * the given order, without a slash or the `/graphql` of the API at the end. In a page, addresses may be relative to it.
 *
 * @throws what `errorFor` returns for the first part that is not an address
 */
export function parseServerUrls(
  urls: string | readonly string[],
  errorFor: (invalid: string) => Error,
): string[] {
  const base = (globalThis as { readonly location?: { readonly href: string } }).location?.href;
  const parsed = String(urls)
    .split(",")
    .map((part) => {
      const url = URL.canParse(part, base) ? new URL(part, base).href : "";
      if (!/^(http|ws)s?:/.test(url)) throw errorFor(part);
      return url.replace(/^ws/, "http").replace(/(\/graphql)?\/*$/, "");
    });
  return [...new Set(parsed)];
}
