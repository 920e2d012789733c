/** How long the link of a shared job may be valid, in seconds. */
export const SHARE_LIFE = { minSeconds: 60, defaultSeconds: 86_400, maxSeconds: 2_592_000 } as const;
