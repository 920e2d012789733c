/** Does nothing: for where something may be called and need not be. */
export function noop(): void {}
