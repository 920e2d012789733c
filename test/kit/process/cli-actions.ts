import type { Actions } from "../../../src/cli/program.js";

/** For a program of which only some commands run. */
export const NO_ACTIONS: Actions = {
  serve: () => Promise.reject(new Error("no server is started here")),
  check: none,
  repair: none,
  compact: none,
  backup: none,
  migrate: noServer,
  watch: noServer,
  list: noServer,
  show: noServer,
  cancel: noServer,
  remove: noServer,
  share: noServer,
  purge: noServer,
  run: () => Promise.reject(new Error("no command is run here")),
  tokens: { create: nowhere, list: nowhere, revoke: nowhere },
};

function noServer(): Promise<never> {
  return Promise.reject(new Error("no server is asked here"));
}

function nowhere(): Promise<never> {
  return Promise.reject(new Error("no file is touched here"));
}

// eslint-disable-next-line require-yield -- it has nothing to give
async function* none(): AsyncGenerator<never, void> {
  throw new Error("no folder is touched here");
}
