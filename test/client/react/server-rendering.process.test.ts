import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { Program } from "../../kit/process/child-process.js";

describe("The hooks in a server that renders", () => {
  it("show an empty state, open no connection and let the process end", async () => {
    let connections = 0;
    const network = createServer(() => connections++).listen(0, "127.0.0.1");
    await once(network, "listening");
    const { port } = network.address() as AddressInfo; // it listens on a port
    await using program = Program.node(["--input-type=module", "--eval", SCRIPT], {
      env: { TIDEMARK_URL: `http://127.0.0.1:${port}` },
    });

    const { code } = await program.exited;
    network.close();

    expect(program.err).toEqual([]);
    expect([code, connections]).toEqual([0, 0]);
    expect(program.out).toEqual([
      "<p>0 true false connecting nothing</p>",
      "<p>0 true false connecting nothing</p>",
    ]);
  });
});

const SCRIPT = `
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { TidemarkProvider, useCancelJob, useConnection, useJob, useJobs } from "./dist/client/react/index.js";

function App() {
  const { data: jobs, isLoading, isStale } = useJobs({ status: ["RUNNING"] });
  const { data: job } = useJob({ jobId: "a" });
  const { status } = useConnection();
  useCancelJob();
  return createElement("p", {}, [jobs.length, isLoading, isStale, status, job ?? "nothing"].join(" "));
}

console.log(renderToString(createElement(App)));
console.log(renderToString(createElement(TidemarkProvider, { token: () => "t" }, createElement(App))));
`;
