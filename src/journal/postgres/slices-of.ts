import type { Row, RunStatement } from "./connections.js";

/** Reads rows in slices, between which the event loop does other work. */
export async function* slicesOf(
  run: RunStatement,
  sql: string,
  values: readonly unknown[],
): AsyncGenerator<readonly Row[], void> {
  await run({ sql: `DECLARE slices NO SCROLL CURSOR FOR ${sql}`, values });
  for (;;) {
    const rows = await run({ sql: `FETCH ${SLICE} FROM slices` });
    if (rows.length > 0) yield rows;
    if (rows.length < SLICE) break;
  }
  await run({ sql: "CLOSE slices" });
}

const SLICE = 300;
