import { describe, expect, it } from "vitest";
import { Program } from "../../kit/process/child-process.js";
import { freePort } from "../../kit/process/free-port.js";

describe("A watch without a server", () => {
  it("prints once why it waits", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    await using program = watchIn(url, "for await (const event of watched) console.log(event);");

    expect(await program.exited).toMatchObject({ code: 0 });
    expect(program.err).toEqual([
      `tidemark: No Tidemark server answers at ${url} (connect ECONNREFUSED ${url.slice(7)}). ` +
        "Start one there (npx tidemark), or give another address (TIDEMARK_URL). The watch keeps trying.",
    ]);
  });

  it("prints nothing if the program listens, which reads the same text", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    await using program = watchIn(
      url,
      'watched.onChange(() => console.log(watched.status.cause?.message ?? "ended")); await watched.next();',
    );

    expect(await program.exited).toMatchObject({ code: 0 });
    expect(program.err).toEqual([]);
    expect(program.out[0]).toBe(
      `No Tidemark server answers at ${url} (connect ECONNREFUSED ${url.slice(7)}). ` +
        "Start one there (npx tidemark), or give another address (TIDEMARK_URL).",
    );
  });
});

/** Two attempts fail before the program ends. */
function watchIn(url: string, script: string): Program {
  const code = `import { watch } from "tidemark-client";
    const watched = watch({ url: ${JSON.stringify(url)}, signal: AbortSignal.timeout(500) });
    ${script}`;
  return Program.node(["--input-type=module", "--eval", code]);
}
