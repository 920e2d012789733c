/** Replaces `node-only.ts` in bundles for browsers, which never call it. A type, so that it adds nothing to them. */
export type BrowserOnly = true;
