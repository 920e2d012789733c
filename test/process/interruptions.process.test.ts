import { describe, expect, it } from "vitest";
import { dataOf } from "../kit/network/raw-http.js";
import { SseStream } from "../kit/network/sse-client.js";
import { startTidemark } from "../kit/process/child-process.js";
import { temporaryFolder } from "../kit/process/temporary-folder.js";
import { CAN_FAKE_TIME, NEEDS_FAKETIME, startTimeShiftedServer } from "../kit/process/fake-time.js";

/** Real servers whose clock is set, or that are stopped, while workers have leases. */

const LEASE_MS = 2_000;
const DAY_MS = 86_400_000;
const FLAGS = ["--lease", `${LEASE_MS}ms`];
/** They wait for leases. */
const AT_ONCE = { concurrent: true };

describe("a server that was stopped (SIGSTOP) for longer than a job may be silent", AT_ONCE, () => {
  it("gives each job a new lease, after which health declines as usual", async () => {
    await using stopped = await startTidemark(FLAGS);
    await using running = await startTidemark(FLAGS);
    await storeJob(stopped.url);
    await storeJob(running.url);
    stopped.program.signal("SIGSTOP");
    expect(await nextHealths(running.url, 2)).toMatchObject([{ health: "SILENT" }, { health: "LOST" }]);

    stopped.program.signal("SIGCONT");
    expect(await report(stopped.url)).toMatchObject({ health: "OK", version: 3 });

    const [silent, lost] = await nextHealths(stopped.url, 2);
    expect([silent, lost]).toMatchObject([{ health: "SILENT" }, { health: "LOST" }]);
    expect(lost!.at - silent!.at).toBeGreaterThanOrEqual(LEASE_MS - 1);
  });
});

describe.skipIf(!CAN_FAKE_TIME)(`a server whose clock is set ${NEEDS_FAKETIME}`, AT_ONCE, () => {
  it.for([
    ["+1d", DAY_MS],
    ["-1d", -DAY_MS],
  ] as const)(
    "by %s keeps health, rate and eta, and gives each job a new lease",
    async ([shift, ms], test) => {
      await using server = await startTimeShiftedServer(temporaryFolder(test.onTestFinished), FLAGS);
      await storeJob(server.url);
      const before = await reportUntil(server.url, ({ task }) => task.rate !== null);

      server.setTime(shift);
      const after = await reportUntil(server.url, ({ reportedAt }) => {
        return Math.abs(reportedAt - before.reportedAt - ms) < DAY_MS / 2;
      });

      expect(after.health).toBe("OK");
      expect(after.version).toBe(1 + after.task.progress.done);
      expect(after.task.rate).toBeGreaterThan(before.task.rate! / 4);
      expect(after.etaMs! - after.reportedAt).toBeLessThan(DAY_MS / 2);
      const [silent, lost] = await nextHealths(server.url, 2);
      expect([silent, lost]).toMatchObject([{ health: "SILENT" }, { health: "LOST" }]);
      expect(silent!.at - after.reportedAt).toBeGreaterThanOrEqual(LEASE_MS - 1);
      expect(lost!.at - silent!.at).toBeGreaterThanOrEqual(LEASE_MS - 1);
    },
  );
});

const KEY = `database: "d", jobId: "j"`;

interface JobFacts {
  readonly health: string;
  readonly version: number;
  readonly reportedAt: number;
  readonly task: { readonly rate: number | null; readonly progress: { readonly done: number } };
  readonly etaMs: number | null;
}

async function storeJob(url: string): Promise<void> {
  const query = `mutation { storeTask(input: { ${KEY}, task: { description: "t", volume: 1000000 } }) { outcome } }`;
  await dataOf(url, query);
  await report(url);
}

async function reportUntil(url: string, isWanted: (job: JobFacts) => boolean): Promise<JobFacts> {
  for (;;) {
    const job = await report(url);
    if (isWanted(job)) return job;
  }
}

/** Reports one unit of work, and returns the job after it. */
async function report(url: string): Promise<JobFacts> {
  const query = `mutation { updateTask(input: { ${KEY}, updates: [{ path: "", add: 1 }] }) {
    userTask { health version reportedAt task { rate progress { done } } eta { likely } } } }`;
  const { updateTask } = await dataOf<{ updateTask: { userTask: JobAnswer } }>(url, query);
  const { eta, reportedAt, ...facts } = updateTask.userTask;
  return { ...facts, reportedAt: Date.parse(reportedAt), etaMs: eta && Date.parse(eta.likely) };
}

interface JobAnswer extends Pick<JobFacts, "health" | "version" | "task"> {
  readonly reportedAt: string;
  readonly eta: { readonly likely: string } | null;
}

/** The next changes of the job, which are steps of its health while its worker does not report. */
async function nextHealths(url: string, count: number): Promise<{ health: string; at: number }[]> {
  const query = `subscription { taskEvents(database: "d") { ... on TaskUpdated { at userTask { health } } } }`;
  using events = await SseStream.open(url, { query });
  const healths: { health: string; at: number }[] = [];
  while (healths.length < count) {
    const { data } = await events.next();
    const { at, userTask } = (data as { taskEvents: HealthEvent }).taskEvents;
    if (at && userTask) healths.push({ health: userTask.health, at: Date.parse(at) });
  }
  return healths;
}

interface HealthEvent {
  readonly at?: string;
  readonly userTask?: { readonly health: string };
}
