/**
 * Whether what takes long is tested at its full length. `.ci/run` does; elsewhere it is shortened, so that nobody waits
 * for more than a few minutes.
 */
export const IS_FULL_LENGTH = Boolean(process.env["CI"]);
