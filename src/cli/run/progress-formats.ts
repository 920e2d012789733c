/**
 * The progress formats of known programs. Each format is specific enough that a single line can be trusted; ambiguous
 * lines are left to `PlainCounters`. The formats were derived from the outputs in `test/cli/recorded`. No pattern may
 * match the same text in two ways, because lines are untrusted and backtracking would be slow.
 */
import { countReading, percentReading, parseSize, type ProgressReading } from "./progress-reading.js";

/** Facts from earlier lines that later lines need. */
export class FormatContext {
  /** The latest complete line without a reading. Often names what follows. */
  heading = "";
  /** The current download, as announced by pip and wget. */
  download = "";
  /** The size of the download, if pip announced it. */
  downloadSize: number | undefined;
  /** The duration of ffmpeg's longest input, seconds. */
  durationSeconds: number | undefined;

  /** Learns from a line without a reading. */
  take(line: string): void {
    this.heading = line;
    const { saved, pip, size, hours, minutes, seconds } = ANNOUNCEMENT.exec(line)?.groups ?? {};
    if (saved !== undefined) this.#startDownload(saved, undefined);
    if (pip !== undefined) this.#startDownload(`Downloading ${pip.slice(pip.lastIndexOf("/") + 1)}`, size);
    if (hours === undefined) return;
    this.durationSeconds = Math.max(secondsOf(hours, minutes, seconds), this.durationSeconds ?? 0);
  }

  #startDownload(label: string, size: string | undefined): void {
    this.download = label;
    this.downloadSize = size === undefined ? undefined : parseSize(size);
  }
}

/** The readings of a line, possibly none. Undefined if the line is in no known format. */
export function readFormat(line: string, context: FormatContext): readonly ProgressReading[] | undefined {
  if (!MAY_BE_KNOWN.test(line)) return undefined;
  for (const { pattern, read } of FORMATS) {
    const match = pattern.exec(line);
    if (match) return [read(match.groups ?? {}, context)].flat().filter((reading) => reading !== undefined);
  }
  return undefined;
}

/** Every format contains one of these; most other lines do not. */
const MAY_BE_KNOWN = /[%/[]|\d:\d\d|--:--|Dload/;
const ANNOUNCEMENT = new RegExp(
  [
    String.raw`^Saving to: [‘'"](?<saved>.+)[’'"]`,
    String.raw`^\s*Downloading (?<pip>\S+)(?: \((?<size>[\d.]+ ?[kMG]?B)\))?`,
    String.raw`^\s+Duration: (?<hours>\d+):(?<minutes>\d\d):(?<seconds>\d\d\.\d+)`,
  ].join("|"),
  "u",
);

type Groups = Readonly<Record<string, string | undefined>>;

interface Format {
  readonly pattern: RegExp;
  /** Undefined if the line is in the format but has no reading. */
  read(
    groups: Groups,
    context: FormatContext,
  ): ProgressReading | readonly (ProgressReading | undefined)[] | undefined;
}

const FORMATS: readonly Format[] = [
  {
    // tqdm: "Import:  42%|████▏     | 25/60 [00:00<00:00, 47.61it/s]"
    pattern:
      /^(?:(?<label>.*?):)?\s*\d+%\|[^|]*\| *(?<done>[\d.]+[kMGTPEZY]?)\/(?<volume>[\d.]+[kMGTPEZY]?) \[/u,
    read: ({ label = "", done = "", volume = "" }) =>
      countReading(`tqdm ${label} ${volume}`, label, parseSize(done), parseSize(volume)),
  },
  {
    // tqdm without a total: "25it [00:00, 49.46it/s]"
    pattern: /^(?:(?<label>.*?): )?(?<done>[\d.]+[kMGTPEZY]?)\p{L}+ \[\d+:\d\d(?::\d\d)?, /u,
    read: ({ label = "", done = "" }) => countReading(`tqdm ${label}`, label, parseSize(done), undefined),
  },
  {
    // git: "remote: Counting objects:  25% (101/402)        "
    pattern: /^(?:remote: )?(?<label>\p{L}[\p{L} ]+): +\d+% \((?<done>\d+)\/(?<volume>\d+)\)/u,
    read: ({ label = "", done, volume }) => countReading(`git ${label}`, label, Number(done), Number(volume)),
  },
  {
    // ffmpeg: "frame=   85 fps= 80 q=28.0 size=  1kB time=00:00:01.12 bitrate=   8.6kbits/s speed=1.06x"
    pattern: /^(?:frame=|size=).* time=(?<hours>\d+):(?<minutes>\d\d):(?<seconds>\d\d\.\d+) bitrate=/u,
    read: ({ hours, minutes, seconds }, { durationSeconds }) =>
      countReading("ffmpeg", "", tenths(secondsOf(hours, minutes, seconds)), tenths(durationSeconds)),
  },
  {
    // rsync: "        300,000  16%    1.20MB/s    0:00:00 (xfr#1, to-chk=9/11)"
    pattern:
      /^ +[\d.,]+[KMGT]? +(?<percent>\d+)% +[\d.,]+[kKMGT]?B\/s +\d+:\d\d:\d\d(?: \(xfr#\d+, (?:to|ir)-chk=(?<left>\d+)\/(?<files>\d+)\))?$/u,
    read: readRsync,
  },
  {
    // curl: " 37 2929k   37 1088k    0     0   674k      0  0:00:04  0:00:01  0:00:03  674k"
    pattern:
      /^ *\d+ +(?<volume>[\d.]+[kMGTP]?) +\d+ +(?<received>[\d.]+[kMGTP]?) +\d+ +(?<sent>[\d.]+[kMGTP]?)(?: +[\d.]+[kMGTP]?){2}(?: +(?:[\d:]+|--:--:--|\d+d \d+h)){3} +[\d.]+[kMGTP]?$/u,
    read: ({ volume = "", received = "", sent = "" }) =>
      countReading("curl", "", parseSize(received) + parseSize(sent), parseSize(volume)),
  },
  {
    // the heading of curl's table
    pattern: /^ *% Total +% Received|^ +Dload +Upload/u,
    read: () => undefined,
  },
  {
    // curl -#: "#########                                                     13.1%"
    pattern: /^#* +(?<percent>\d+\.\d)%$|^#+ (?<full>100\.0)%$/u,
    read: ({ percent, full }) => percentReading("curl", "", percent ?? full ?? ""),
  },
  {
    // wget: "out.bin              45%[========>           ] 440.00K   300KB/s"
    pattern: /^(?<label>.*\S) +(?<percent>\d+)%\[[=+> ]*\]/u,
    read: ({ label = "", percent = "" }, { download }) => percentReading("wget", download || label, percent),
  },
  {
    // wget without a size: "out.bin      [   <=>      ] 440.00K   300KB/s"
    pattern: /^(?<label>.*\S) +\[ *<=> *\] +(?<done>[\d.]+[KMGT]?) /u,
    read: ({ label = "", done = "" }, { download }) =>
      countReading("wget", download || label, parseSize(done), undefined),
  },
  {
    // wget into a file: "   450K .......... .......... .......... .......... ..........  51%  246K 2s"
    pattern: /^ *\d+[KM] [ .,]+ (?<percent>\d+)% /u,
    read: ({ percent = "" }, { download }) => percentReading("wget", download, percent),
  },
  {
    // pip: "     ━━━━━━━╺━━━━━━━━ 0.2/1.5 MB 952.3 kB/s eta 0:00:02"
    pattern:
      /^ *[━╸╺-]+ (?<done>[\d.]+)\/(?<volume>[\d.]+) (?<unit>bytes|[kMGT]?B) .*(?:eta|\d+:\d\d:\d\d|\?)/u,
    read: ({ done, volume, unit }, { download }) =>
      countReading(`pip ${download}`, download, parseSize(`${done} ${unit}`), parseSize(`${volume} ${unit}`)),
  },
  {
    // pip before 22: "     |████████████            | 1.2 MB 5.6 MB/s eta 0:00:01"
    pattern: /^ *(?:\d+% )?\|[█▉▊▋▌▍▎▏ ]*\| (?<done>[\d.]+ ?[kMG]?B) .*B\/s/u,
    read: ({ done = "" }, { download, downloadSize }) =>
      countReading(`pip ${download}`, download, parseSize(done), downloadSize),
  },
  {
    // ninja: "[3/10] Building C object CMakeFiles/demo.dir/f3.c.o"
    pattern: /^\[(?<done>\d+)\/(?<volume>\d+)\] \S/u,
    read: ({ done, volume }) => stepped(done, volume),
  },
  {
    // make, of CMake: "[ 30%] Building C object CMakeFiles/demo.dir/f2.c.o"
    pattern: /^\[ *(?<percent>\d+)%\] \S/u,
    read: ({ percent = "" }) => percentReading("make", "", percent),
  },
  {
    // apt: "Progress: [ 20%] [###########..............................................]"
    pattern: /^Progress: \[ *(?<percent>\d+)%\]/u,
    read: ({ percent = "" }) => percentReading("apt", "Installing", percent),
  },
];

/**
 * With --progress, each file has a heading, and its own counter if it takes a while; a second counter counts the files.
 * With --info=progress2 there are no headings, and the percentage is for the whole transfer.
 */
function readRsync(
  { percent = "", left, files }: Groups,
  { heading }: FormatContext,
): ReturnType<Format["read"]> {
  if (heading === "" || WHOLE_RSYNC.test(heading)) return percentReading("rsync", "", percent);
  const file = percentReading(`rsync ${heading}`, heading, percent);
  if (left === undefined) return percent === "100" ? undefined : file;
  const all = countReading("rsync files", "files", Number(files) - Number(left), Number(files));
  return [file && { ...file, isContinuation: true }, all];
}

const WHOLE_RSYNC = /incremental file list|^building file list|^created directory/;

function stepped(done: string | undefined, volume: string | undefined): ProgressReading | undefined {
  return Number(done) <= Number(volume) ? countReading("steps", "", Number(done), Number(volume)) : undefined;
}

function secondsOf(hours?: string, minutes?: string, seconds?: string): number {
  return Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds);
}

function tenths(seconds: number): number;
function tenths(seconds: number | undefined): number | undefined;
function tenths(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 10;
}
