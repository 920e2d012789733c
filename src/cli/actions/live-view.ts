import { Ansis } from "ansis";
import type { WriteStream } from "node:tty";
import type { Watch, WatchEvent } from "../../client/index.js";
import { ClockOffset } from "../../format/clock-offset.js";
import type { WatchRequest } from "../commands/watch.js";
import { KeyListener } from "../key-listener.js";
import { LiveScreen } from "../live-screen.js";
import { frameLines, type OpenStatus } from "../render/frame.js";
import type { WatchView } from "./line-view.js";
import { dashboardUrl } from "./dashboard-url.js";
import { disconnectedText } from "./server-error.js";
import { watchAddress } from "./watch-address.js";

/**
 * Draws the current jobs on a terminal: at most ten times a second after changes, and once a second to advance the
 * elapsed times. The last frame stays on the normal screen.
 */
export class LiveView implements WatchView {
  readonly #request: WatchRequest;
  readonly #watched: Watch;
  readonly #stream: WriteStream;
  readonly #screen: LiveScreen;
  readonly #style = new Ansis();
  readonly #keys: KeyListener;
  readonly #clock = new ClockOffset();
  readonly #seconds: NodeJS.Timeout;
  readonly #stop: () => void;
  #timer: NodeJS.Timeout | undefined;
  #drawnAt = -Infinity;
  #dashboardUrl: string | undefined;
  /** Why the watch has moved to another server. */
  #move: string | undefined;
  #isCaughtUp = false;
  /** The latest status before `closed`. */
  #status: OpenStatus = { kind: "connecting" };

  constructor(request: WatchRequest, watched: Watch, stream: WriteStream) {
    this.#request = request;
    this.#watched = watched;
    this.#stream = stream;
    this.#screen = new LiveScreen(stream);
    this.#keys = new KeyListener(process.stdin, this.#redraw);
    this.#seconds = setInterval(this.#drawSoon, 1_000);
    this.#stop = watched.onChange(this.#onChange);
    stream.on("resize", this.#redraw);
    process.on("SIGTSTP", this.#onStop);
    process.on("SIGCONT", this.#onContinue);
    process.once("exit", this.#onExit);
    this.#drawSoon();
    void this.#findDashboard();
  }

  /** Only sets the clock: drawing reads the current jobs. */
  async onEvent(event: WatchEvent): Promise<void> {
    if (event.kind === "Reset" || event.kind === "CaughtUp") this.#isCaughtUp = event.kind === "CaughtUp";
    if (event.kind !== "TaskStored" && event.kind !== "TaskUpdated") return;
    this.#clock.observe(Date.parse(event.job.changedAt), Date.now(), this.#isCaughtUp);
  }

  onMoved(text: string): void {
    this.#move = text;
    this.#drawSoon();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#seconds);
    clearTimeout(this.#timer);
    this.#stop();
    this.#stream.off("resize", this.#redraw);
    process.off("SIGTSTP", this.#onStop);
    process.off("SIGCONT", this.#onContinue);
    process.off("exit", this.#onExit);
    this.#keys.close();
    this.#screen.close();
    const { status } = this.#watched;
    const isRejected = status.kind === "closed" && status.error !== undefined;
    if (!isRejected && this.#stream.writable)
      this.#stream.write(
        this.#lines(true)
          .map((line) => `${line}\n`)
          .join(""),
      );
  }

  readonly #onChange = (): void => {
    const { status } = this.#watched;
    if (status.kind !== "closed") this.#status = status;
    this.#drawSoon();
  };

  readonly #drawSoon = (): void => {
    const waitMs = this.#drawnAt + DRAW_INTERVAL_MIN_MS - performance.now();
    this.#timer ??= setTimeout(this.#draw, Math.max(0, waitMs));
  };

  readonly #redraw = (): void => {
    this.#screen.forget();
    this.#drawSoon();
  };

  /** Skips frames while the terminal is stopped or slow. */
  readonly #draw = (): void => {
    this.#timer = undefined;
    this.#drawnAt = performance.now();
    if (this.#screen.isBusy) this.#drawSoon();
    else this.#screen.draw(this.#lines(false));
  };

  #lines(isLast: boolean): string[] {
    const { server, username, jobId } = this.#request;
    const { jobs } = this.#watched;
    const title = [server.database, username, jobId].filter((name) => name !== undefined).join("/");
    const frame = {
      title,
      status: this.#status,
      isLast,
      jobs: jobs.values(),
      hints: this.#hints(),
      now: Date.now(),
      clock: this.#clock,
      ...this.#screen.size,
    };
    return frameLines(frame, this.#style);
  }

  async #findDashboard(): Promise<void> {
    await this.#watched.untilLive().catch(() => {}); // the watch itself reports its end
    if (this.#isOver()) return;
    this.#dashboardUrl = await dashboardUrl(this.#request.server);
    if (!this.#isOver()) this.#drawSoon();
  }

  #isOver(): boolean {
    return this.#watched.status.kind === "closed";
  }

  #hints(): string[] {
    const { jobs } = this.#watched;
    if (this.#status.kind === "connecting" && this.#status.cause !== undefined)
      return disconnectedText(this.#status.cause, this.#request.server).split(/(?<=\.) /);
    if (this.#status.kind !== "live") return [];
    return [
      ...(this.#move === undefined ? [] : [this.#move]),
      ...(jobs.size === 0 ? [FIRST_JOB] : []),
      ...(this.#dashboardUrl === undefined ? [] : [watchAddress(this.#dashboardUrl, this.#request, jobs)]),
    ];
  }

  /** Restores the terminal for the shell after Ctrl+Z. */
  readonly #onStop = (): void => {
    this.#keys.close();
    this.#screen.close();
    process.kill(process.pid, "SIGSTOP");
  };

  readonly #onContinue = (): void => {
    this.#keys.open();
    this.#redraw();
  };

  readonly #onExit = (): void => {
    this.#keys.close();
    this.#screen.close();
  };
}

const FIRST_JOB = "Report one from another terminal with: tidemark run -- COMMAND";
const DRAW_INTERVAL_MIN_MS = 100;
