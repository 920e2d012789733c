/**
 * A page that uses all hooks. A test says which components to show, and reads what each has rendered. All options are written
 * anew in each render.
 */
import { memo, StrictMode, useEffect, type ReactElement } from "react";
import { createRoot, hydrateRoot, type Root } from "react-dom/client";
import {
  TidemarkProvider,
  useCancelJob,
  useConnection,
  useJob,
  useJobs,
  type TidemarkProviderProps,
  type WatchedJob,
  type WatchedJobKey,
  type WatchedJobsFilter,
  type WatchResult,
} from "../../../src/client/react/index.js";

/** What to show. `name` finds what the component has rendered. */
export type Panel =
  | {
      readonly kind: "jobs";
      readonly name: string;
      readonly filter: WatchedJobsFilter;
      readonly minIntervalMs?: number;
    }
  | { readonly kind: "rows"; readonly name: string }
  | { readonly kind: "count"; readonly name: string }
  | { readonly kind: "job"; readonly name: string; readonly jobKey?: WatchedJobKey }
  | { readonly kind: "connection"; readonly name: string };

export interface View {
  readonly provider?: Omit<TidemarkProviderProps, "children">;
  /** Given to the provider as a function, another one in each render. */
  readonly inlineToken?: string;
  readonly panels: readonly Panel[];
}

/** What a component has rendered. */
export interface Rendered {
  /** `jobId version` of each job, or another text. */
  readonly shown: string;
  readonly isLoading?: boolean;
  readonly isStale?: boolean;
  readonly error?: string | undefined;
}

const renderings = new Map<string, Rendered[]>();
let root: Root | undefined;

/** Renders the view, in StrictMode. */
export function show(view: View): void {
  root ??= createRoot(container());
  root.render(<App view={view} />);
}

/** Takes over the HTML that the server rendered. */
export function hydrate(view: View, html: string): void {
  const element = container();
  element.innerHTML = html;
  root = hydrateRoot(element, <App view={view} />);
}

/** Everything that a component has rendered, first to last. */
export function renderedBy(name: string): readonly Rendered[] {
  return renderings.get(name) ?? [];
}

export function App({ view: { provider, inlineToken, panels } }: { readonly view: View }): ReactElement {
  return (
    <StrictMode>
      <TidemarkProvider database="d" {...(inlineToken && { token: () => inlineToken })} {...provider}>
        {panels.map((panel) => (
          <PanelOf key={panel.name} panel={panel} />
        ))}
      </TidemarkProvider>
    </StrictMode>
  );
}

function PanelOf({ panel }: { readonly panel: Panel }): ReactElement {
  switch (panel.kind) {
    case "jobs":
      return <Jobs {...panel} />;
    case "rows":
      return <Rows {...panel} />;
    case "count":
      return <Count {...panel} />;
    case "job":
      return <Job {...panel} />;
    case "connection":
      return <Connection {...panel} />;
  }
}

function Jobs({ name, filter, minIntervalMs }: Extract<Panel, { kind: "jobs" }>): ReactElement {
  const result = useJobs({ ...filter }, { minIntervalMs });
  return <Output name={name} rendered={renderedOf(result, result.data.map(textOf).join(", "))} />;
}

/** A row per job, which renders when its own job changes. */
function Rows({ name }: { readonly name: string }): ReactElement {
  const { data: jobs } = useJobs();
  return (
    <>
      {jobs.map((job) => (
        <Row key={job.id} name={`${name} ${job.jobId}`} job={job} />
      ))}
    </>
  );
}

const Row = memo(function Row({
  name,
  job,
}: {
  readonly name: string;
  readonly job: WatchedJob;
}): ReactElement {
  return <Output name={name} rendered={{ shown: textOf(job) }} />;
});

function Count({ name }: { readonly name: string }): ReactElement {
  const result = useJobs({}, { select: (jobs) => ({ count: jobs.length }) });
  return <Output name={name} rendered={renderedOf(result, String(result.data.count))} />;
}

function Job({ name, jobKey }: Extract<Panel, { kind: "job" }>): ReactElement {
  const result = useJob(jobKey && { ...jobKey });
  const { cancelJob, isPending, error } = useCancelJob();
  const { data: job } = result;
  const { reason } = job?.cancelRequest ?? {};
  const shown = [job ? textOf(job) : "nothing", reason, isPending && "pending", error?.code];
  return (
    <>
      <Output name={name} rendered={renderedOf(result, shown.filter(Boolean).join(" "))} />
      {job && <button onClick={() => cancelJob(job, { reason: "wrong input" })}>Cancel</button>}
    </>
  );
}

function Connection({ name }: { readonly name: string }): ReactElement {
  const { status, since, error } = useConnection();
  return (
    <Output
      name={name}
      rendered={{ shown: since ? `${status} since a moment` : status, error: error?.message }}
    />
  );
}

/** Records each commit. */
function Output({ name, rendered }: { readonly name: string; readonly rendered: Rendered }): ReactElement {
  useEffect(() => void renderings.set(name, [...(renderings.get(name) ?? []), rendered]));
  return <output>{rendered.shown}</output>;
}

function renderedOf<Data>({ isLoading, isStale, error }: WatchResult<Data>, shown: string): Rendered {
  return { shown, isLoading, isStale, error: error?.code };
}

function textOf({ jobId, version }: WatchedJob): string {
  return `${jobId} ${version}`;
}

function container(): Element {
  return document.body.appendChild(document.createElement("main"));
}
