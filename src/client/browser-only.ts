/** Replaces `node-only.ts` in bundles for browsers, which never call it. */
export const isBrowserOnly = true;
