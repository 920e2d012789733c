/** Proves who asks; a function is asked each time, so that what has run out can be renewed. An empty one is none. */
export type Token = string | (() => string | Promise<string>);

/** What goes with a token: in the headers of a request, or in the first message of a WebSocket. */
export function authorizationOf(token: string | undefined): { readonly authorization?: string } {
  return token ? { authorization: `Bearer ${token}` } : {};
}
