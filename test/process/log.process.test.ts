import { describe, expect, it, onTestFinished } from "vitest";
import { failingBy, Program, readyLine } from "../kit/process/child-process.js";
import { freePort } from "../kit/process/free-port.js";
import { HttpConnection, readMetric, type HttpResponse } from "../kit/network/raw-http.js";

const LINES = 4_000;
const DROPPED = "tidemark_log_lines_dropped_total";

/** Logs several megabytes, far more than the server keeps. */
const FLOOD = failingBy(
  `for (let n = 0; n < ${LINES}; n++) Promise.reject(new Error("flood " + "x".repeat(900)))`,
);

/** Prints the first line, and the others only after a line on its input. */
const STOPPED_READER = '{ IFS= read -r first; echo "$first"; IFS= read -r go <&3; cat; }';

describe("The log", () => {
  it("does not stop the server when its reader stops, and says how many lines it dropped", async () => {
    await using shell = new Program(
      "sh",
      ["-c", `exec 3<&0; node dist/main.js serve --port 0 | ${STOPPED_READER}`],
      FLOOD,
    );
    const { url, pid } = await readyLine(shell);
    onTestFinished(() => kill(pid)); // a shell does not pass signals on

    process.kill(pid, "SIGUSR2");
    const dropped = await untilDropped(url);
    const health = await get(url, "/health");
    shell.write("go\n");
    const notice = await shell.line((line) => line.includes("log lines were dropped"));
    process.kill(pid, "SIGTERM");
    await shell.exited;

    expect(health.status).toBe(200);
    expect(JSON.parse(notice)).toMatchObject({ level: 40, lines: dropped });
    const kept = shell.out.filter((line) => line.includes("flood")).length;
    expect(kept + dropped).toBe(LINES);
    expect(shell.out.map((line) => (JSON.parse(line) as { level: number }).level)).not.toContain(60);
  });

  it("continues when the disk of its file is full, and ends normally", async () => {
    const port = String(await freePort());
    await using server = new Program(
      "sh",
      ["-c", `exec node dist/main.js serve --port ${port} > /dev/full`],
      FLOOD,
    );
    const url = `http://127.0.0.1:${port}`;
    await untilServed(url);

    server.signal("SIGUSR2");
    const dropped = await untilDropped(url);
    server.signal("SIGTERM");

    expect(dropped).toBeGreaterThan(0);
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(server.err).toEqual([]);
  });
});

/** Polls until the metric is above 0. */
async function untilDropped(url: string): Promise<number> {
  let dropped = 0;
  while (dropped === 0) dropped = await readMetric(url, DROPPED);
  return dropped;
}

async function untilServed(url: string): Promise<void> {
  while (!(await get(url, "/ready").catch(() => undefined))) await new Promise(setImmediate);
}

async function get(url: string, path: string): Promise<HttpResponse> {
  using connection = new HttpConnection(url);
  return await connection.request({ path });
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}
