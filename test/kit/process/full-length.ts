/**
 * Whether long tests run at full length, as in `.ci/run`. Elsewhere they are shortened to keep `npm test`
 * within minutes.
 */
export const IS_FULL_LENGTH = Boolean(process.env["CI"]);
