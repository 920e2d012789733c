/**
 * Whether what takes long is tested at its full length. `.ci/run` does; elsewhere it is shortened, so that nobody waits
 * for more than a few minutes.
 */
export const IS_WHOLE_RUN = Boolean(process.env["CI"]);
