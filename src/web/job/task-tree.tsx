import { useSignal } from "@preact/signals";
import { Component } from "preact";
import { useMemo, useRef } from "preact/hooks";
import type { WatchedJob, WatchedTask } from "../../client/index.js";
import { exactCount } from "../../format/numbers.js";
import { doneText } from "../../format/progress.js";
import { taskCount } from "../jobs/job-facts.js";
import { NO_VALUE, taskElapsedText, treeRateText } from "../jobs/job-texts.js";
import { Bar } from "../parts/bar.js";
import { ProgressCount } from "../parts/progress-count.js";
import { Icon } from "../parts/icons.js";
import { Name } from "../parts/name.js";
import { useRowHeight } from "../parts/row-height.js";
import { hasKeyboardFocus, rowStep } from "../parts/row-keys.js";
import { scrollerOf, visibleTop, VirtualRows } from "../parts/virtual-rows.js";
import { scrollTopFor } from "../parts/virtual-window.js";
import { serverNow } from "../server/server-clock.js";
import { DISPLAY_STATUS_LABELS, type DisplayStatus } from "../../format/display-status.js";
import { ExpandedTasks, visibleTasks, type VisibleTask } from "./visible-tasks.js";

/** In rem, as in job.css. */
const ROW_HEIGHTS = { wide: 2, middle: 2, narrow: 3.25 };

/** The tasks of a job as a tree with a progress bar for each; only visible rows are rendered. */
export function TaskTree({ job }: { readonly job: WatchedJob }) {
  const tree = useRef<HTMLDivElement>(null);
  const open = useMemo(() => new ExpandedTasks(), [job.id]);
  const changes = useSignal(0);
  const activePath = useSignal<string | undefined>(undefined);
  const rowHeight = useRowHeight(ROW_HEIGHTS);
  const rows = useMemo(() => visibleTasks(job.task, open), [job.task, open, changes.value]);
  const size = taskCount(job.task);

  const setOpen = (path: string, isOpen: boolean): void => {
    open.set(path, isOpen);
    changes.value++;
  };
  const setAllOpen = (isOpen: boolean): void => {
    open.setAll(job.task, isOpen);
    changes.value++;
  };
  const move = (index: number): void => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, index))]!; // there is a root
    activePath.value = row.task.path;
    reveal(tree.current!, rows.indexOf(row), rowHeight);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.target !== tree.current) return;
    const active = rows.findIndex(({ task }) => task.path === activePath.peek());
    const step = rowStep(event, 10);
    const row = rows[active];
    if (step !== undefined) move(active < 0 && Number.isFinite(step) ? 0 : active + step);
    else if (event.key === "ArrowRight" && row?.isExpanded === false) setOpen(row.task.path, true);
    else if (event.key === "ArrowRight" && row?.isExpanded) move(active + 1);
    else if (event.key === "ArrowLeft" && row?.isExpanded) setOpen(row.task.path, false);
    else if (event.key === "ArrowLeft" && row) move(parentOf(rows, active));
    else if (event.key === "Enter" && row?.isExpanded !== undefined) setOpen(row.task.path, !row.isExpanded);
    else return;
    event.preventDefault();
  };

  return (
    <section class="panel tasks" aria-labelledby="tasks-title">
      <header>
        <h2 id="tasks-title">Tasks</h2>
        <span class="count">{exactCount(size)}</span>
        {job.task.subTasks.some(({ subTasks }) => subTasks.length > 0) && (
          <span class="panel-end">
            <button type="button" class="quiet" onClick={() => setAllOpen(true)}>
              Expand all
            </button>
            <button type="button" class="quiet" onClick={() => setAllOpen(false)}>
              Collapse
            </button>
          </span>
        )}
      </header>
      <div
        ref={tree}
        class="task-tree"
        role="treegrid"
        aria-label="Tasks"
        aria-rowcount={rows.length}
        aria-activedescendant={activePath.value === undefined ? undefined : taskElementId(activePath.value)}
        tabIndex={0}
        onKeyDown={onKeyDown}
        onFocus={(event) =>
          hasKeyboardFocus(event, tree.current) && activePath.value === undefined && move(0)
        }
      >
        <VirtualRows
          rows={rows}
          rowHeight={rowHeight}
          role="rowgroup"
          draw={(row, index, top) => (
            <TaskRowView
              key={row.task.path}
              {...row}
              job={job}
              index={index}
              top={top}
              isActive={row.task.path === activePath.value}
              onToggle={setOpen}
            />
          )}
        />
      </div>
    </section>
  );
}

interface TaskRowViewProps extends VisibleTask {
  readonly job: WatchedJob;
  readonly index: number;
  readonly top: number;
  readonly isActive: boolean;
  readonly onToggle: (path: string, isOpen: boolean) => void;
}

/** An unchanged task is the same object and is not rendered again. */
class TaskRowView extends Component<TaskRowViewProps> {
  override shouldComponentUpdate(next: TaskRowViewProps): boolean {
    const { job, onToggle: _, ...shown } = next;
    if (job.health !== this.props.job.health || job.endedAt !== this.props.job.endedAt) return true;
    return Object.entries(shown).some(
      ([name, value]) => this.props[name as keyof TaskRowViewProps] !== value,
    );
  }

  render({
    job,
    task,
    depth,
    isExpanded,
    posInSet,
    setSize,
    parentEndedAt,
    index,
    top,
    isActive,
    onToggle,
  }: TaskRowViewProps) {
    const { path, description, status, message, progress } = task;
    return (
      <div
        role="row"
        id={taskElementId(path)}
        class="task-row"
        aria-level={depth + 1}
        aria-expanded={isExpanded}
        aria-posinset={posInSet}
        aria-setsize={setSize}
        aria-rowindex={index + 1}
        aria-selected={isActive}
        data-status={status}
        style={{ transform: `translateY(${top}px)` }}
      >
        <div
          role="gridcell"
          class="cell task-name"
          style={{ paddingLeft: `${Math.min(depth, DEPTH_SHOWN)}rem` }}
        >
          {isExpanded === undefined ? (
            <span class="toggle" />
          ) : (
            <button
              type="button"
              class="toggle"
              tabIndex={-1}
              aria-label={isExpanded ? "Collapse" : "Expand"}
              onClick={() => onToggle(path, !isExpanded)}
            >
              <Icon shape={isExpanded ? "chevronDown" : "chevronRight"} />
            </button>
          )}
          <span class="status" data-status={status} title={DISPLAY_STATUS_LABELS[status]}>
            <Icon shape={status} />
            <span class="unseen">{DISPLAY_STATUS_LABELS[status]}</span>
          </span>
          <Name text={description} />
          <Iterations task={task} />
          {message && <Name className="message" text={message} />}
        </div>
        <div role="gridcell" class="cell task-progress">
          <Bar progress={progress} status={barStatusOf(job, task)} label={`Progress of ${description}`} />
          <span class="percent">{progress.percent}</span>
        </div>
        <div role="gridcell" class="cell task-done number" title={doneText(progress)}>
          <ProgressCount progress={progress} />
        </div>
        <div role="gridcell" class="cell task-rate number">
          {treeRateText(job, task)}
        </div>
        <div role="gridcell" class="cell task-elapsed number">
          <TaskElapsed job={job} task={task} parentEndedAt={parentEndedAt} />
        </div>
      </div>
    );
  }
}

/** A running task of a silent job shows the job's health: it may have stopped. */
function barStatusOf({ health }: WatchedJob, { status }: WatchedTask): DisplayStatus {
  return health !== "OK" && status === "RUNNING" ? health : status;
}

/** Deeper tasks are not indented further, to leave room for their names. */
const DEPTH_SHOWN = 10;

function TaskElapsed({ job, task, parentEndedAt }: Pick<TaskRowViewProps, "job" | "task" | "parentEndedAt">) {
  if (task.startedAt === null) return <>{NO_VALUE}</>;
  const isOpen = task.endedAt === null && parentEndedAt === null;
  return <>{taskElapsedText(job, { task, parentEndedAt }, isOpen ? serverNow() : 0)}</>;
}

function Iterations({
  task: { kind, currentIteration, maxIterations, status },
}: {
  readonly task: WatchedTask;
}) {
  if (kind !== "ITERATIVE") return null;
  const running = (currentIteration ?? 0) + (status === "RUNNING" ? 1 : 0);
  const of = maxIterations === null ? "" : ` of ${exactCount(maxIterations)}`;
  return <span class="tag">{`iteration ${exactCount(running)}${of}`}</span>;
}

function parentOf(rows: readonly VisibleTask[], index: number): number {
  const depth = rows[index]?.depth ?? 0;
  for (let above = index; above >= 0; above--) if (rows[above]!.depth < depth) return above;
  return index;
}

function reveal(tree: HTMLElement, index: number, rowHeight: number): void {
  const scroller = scrollerOf(tree);
  const top = visibleTop(tree, scroller);
  const wanted = scrollTopFor(index, { top, height: scroller.clientHeight, rowHeight });
  if (wanted !== undefined) scroller.scrollTop += wanted - top;
}

function taskElementId(path: string): string {
  return `task-${path || "root"}`;
}
