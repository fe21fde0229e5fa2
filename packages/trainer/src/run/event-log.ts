import { fileError, syncDescriptor, type Files } from "./files.js";
import type { TrainEvent } from "../events.js";

/** A line of events.jsonl: the event and when it was written (ISO 8601, UTC). */
export type LoggedEvent = TrainEvent & { readonly time: string };

/** The run's own record, one event a line, only ever added to. */
export class EventLog {
  private constructor(
    private readonly files: Files,
    private readonly path: string,
    private readonly descriptor: number,
  ) {}

  /**
   * Opens the log for a run that stands at `step`: what a killed process wrote beyond it, and a line cut short, are
   * removed, so that no step appears twice. No checkpoint is of step 0: a run that stands there begins anew, and says again
   * what was said of it.
   */
  static open(files: Files, path: string, step: number): EventLog {
    try {
      const keep = step > 0 && files.existsSync(path) ? lengthUpTo(files.readFileSync(path), step) : 0;
      const descriptor = files.openSync(path, "a");
      files.ftruncateSync(descriptor, keep);
      return new EventLog(files, path, descriptor);
    } catch (cause) {
      throw fileError(cause, path, "opening the run's log");
    }
  }

  append(event: TrainEvent): void {
    const line = Buffer.from(`${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
    try {
      for (let done = 0; done < line.length;) done += this.files.writeSync(this.descriptor, line, done);
    } catch (cause) {
      throw fileError(cause, this.path, "writing the run's log");
    }
  }

  /** Makes everything appended so far durable. */
  async sync(): Promise<void> {
    try {
      await syncDescriptor(this.files, this.descriptor);
    } catch (cause) {
      throw fileError(cause, this.path, "writing the run's log");
    }
  }

  close(): void {
    this.files.closeSync(this.descriptor);
  }
}

/** The whole lines of a log; a line cut short by a crash is left out. */
export function readEventLog(files: Files, path: string): LoggedEvent[] {
  if (!files.existsSync(path)) return [];
  return [...wholeLines(files.readFileSync(path))].flatMap(({ event }) => event ?? []);
}

/** What was added to a log since a look at it. */
export interface LogTail {
  readonly events: readonly LoggedEvent[];
  /** Where they begin: what was asked for, or 0 where the log was cut and is told anew. */
  readonly from: number;
  /** Bytes of whole lines so far: where the next look begins. */
  readonly next: number;
}

/**
 * The whole lines from a byte offset on. A log that is shorter than that was cut, by a resume from an earlier step: all of it
 * is then told again.
 */
export function readEventTail(files: Files, path: string, from: number): LogTail {
  if (!files.existsSync(path)) return { events: [], from: 0, next: 0 };
  const bytes = files.readFileSync(path);
  // Inside a line: what stood there before was cut, and written anew.
  const begin = from <= bytes.length && (from === 0 || bytes[from - 1] === 0x0a) ? from : 0;
  let next = begin;
  const events: LoggedEvent[] = [];
  for (const { event, end } of wholeLines(bytes.subarray(begin))) {
    if (event !== undefined) events.push(event);
    next = begin + end;
  }
  return { events, from: begin, next };
}

function lengthUpTo(bytes: Buffer, step: number): number {
  let keep = 0;
  for (const { event, end } of wholeLines(bytes)) {
    if (event === undefined || event.step > step) break;
    keep = end;
  }
  return keep;
}

function* wholeLines(bytes: Buffer): Generator<{ event: LoggedEvent | undefined; end: number }> {
  for (let start = 0; ;) {
    const newline = bytes.indexOf(0x0a, start);
    if (newline === -1) return;
    yield { event: parseLine(bytes.toString("utf8", start, newline)), end: newline + 1 };
    start = newline + 1;
  }
}

function parseLine(line: string): LoggedEvent | undefined {
  try {
    const event = JSON.parse(line) as Partial<LoggedEvent> | null;
    return typeof event?.type === "string" && typeof event.step === "number"
      ? (event as LoggedEvent)
      : undefined;
  } catch {
    return undefined;
  }
}
