import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AceError, writeFileAtomic } from "@acewright/core-native";
import { processStart } from "@acewright/trainer";
import type { Job, JobView } from "../api.js";
import { shellLine } from "../../choices/command-line.js";
import { isAlive, jobFiles, readRecord, viewJob, writeRecord, type JobRecord } from "./job-record.js";

const script = fileURLToPath(new URL("./job-process.js", import.meta.url));

/** What shall be done. */
export interface NewJob {
  readonly kind: string;
  readonly title: string;
  /** The words after `acewright`, without --json. */
  readonly words: readonly string[];
  readonly makes?: string;
}

/** As much of a job's output as one look brings; a line that is longer is not shown. */
const mostBytes = 16 * 2 ** 20;

/**
 * Commands that run one after another, each in a process of its own that outlives the studio: what is known of them stands in
 * files, which the next studio in the same folder reads.
 */
export class JobStore {
  private readonly folder: string;
  private readonly watch: NodeJS.Timeout;
  private trouble = "";

  /** @param workspace what the commands' relative paths are relative to. */
  constructor(private readonly workspace: string) {
    this.folder = join(workspace, ".acewright", "jobs");
    // A job that another studio started tells nobody here when it ends.
    this.watch = setInterval(this.goOn, 1000);
    this.watch.unref();
  }

  /** Newest first. */
  list(): Job[] {
    return this.records()
      .map((record) => viewJob(this.folderOf(record.id), record))
      .reverse();
  }

  /** @throws {AceError} ERR_FILE where no such job is. */
  view(id: string, from: number): JobView {
    const record = this.record(id);
    const { output, next } = linesFrom(jobFiles(this.folderOf(id)).output, from);
    return { job: viewJob(this.folderOf(id), record), output, next };
  }

  /** Starts a command, or lets it wait until those before it are done. */
  add({ kind, title, words, makes }: NewJob): Job {
    // By time, so that names in order are jobs in order.
    const id = `${Date.now().toString(36)}-${randomBytes(4).toString("hex")}`;
    const record: JobRecord = {
      id,
      kind,
      title,
      words: [...words],
      line: `acewright ${shellLine(words)}`,
      ...(makes === undefined ? {} : { makes }),
      addedAt: new Date().toISOString(),
    };
    this.makeFolder(id);
    writeRecord(this.folderOf(id), record);
    this.startNext();
    return viewJob(this.folderOf(id), this.record(id));
  }

  /** Asks a job to end: as Ctrl-C would, so that it saves what it has; asked again, it does not. One that waits is not begun. */
  stop(id: string): Job {
    const record = this.record(id);
    writeRecord(this.folderOf(id), { ...record, stopped: true });
    if (isAlive(record)) writeFileAtomic(jobFiles(this.folderOf(id)).stop, "");
    this.startNext();
    return viewJob(this.folderOf(id), this.record(id));
  }

  /**
   * Forgets a job; what it made stays.
   *
   * @throws {AceError} ERR_CONFIG while it runs.
   */
  remove(id: string): void {
    if (viewJob(this.folderOf(id), this.record(id)).status === "running")
      throw new AceError("ERR_CONFIG", `${id}: still runs; stop it first`);
    rmSync(this.folderOf(id), { recursive: true, force: true });
  }

  /** Looks no more after what waits; what runs goes on. */
  close(): void {
    clearInterval(this.watch);
  }

  /** Nobody waits for an answer here: what keeps a job from beginning (a full disk) is said in the terminal, and tried again. */
  private readonly goOn = (): void => {
    try {
      this.startNext();
      this.trouble = "";
    } catch (error) {
      const trouble = String(error);
      // Once, not each second.
      if (trouble !== this.trouble) process.emitWarning(trouble);
      this.trouble = trouble;
    }
  };

  private startNext(): void {
    const jobs = this.records().map((record) => ({
      record,
      status: viewJob(this.folderOf(record.id), record).status,
    }));
    // One at a time: two of them would share a device's memory, and both would be slower.
    if (jobs.some(({ status }) => status === "running")) return;
    const next = jobs.find(({ status }) => status === "waiting");
    if (next !== undefined) this.start(next.record);
  }

  private start(record: JobRecord): void {
    const folder = this.folderOf(record.id);
    const files = jobFiles(folder);
    const output = openNew(files.output);
    // Another studio in the same folder was faster.
    if (output === undefined) return;
    const errors = openSync(files.errors, "a");
    const started = { ...record, startedAt: new Date().toISOString() };
    // Before the process: what cannot be started must not wait for ever.
    writeRecord(folder, started);
    try {
      const child = spawn(process.execPath, [script, folder, ...record.words, "--json"], {
        cwd: this.workspace,
        // A group of its own: Ctrl-C in the studio's terminal is not meant for it.
        detached: true,
        windowsHide: true,
        stdio: ["ignore", output, errors],
      });
      child.unref();
      child.once("exit", this.goOn).once("error", this.goOn);
      const { pid } = child;
      if (pid !== undefined) writeRecord(folder, { ...started, pid, processStart: processStart(pid) });
    } finally {
      closeSync(output);
      closeSync(errors);
    }
  }

  private makeFolder(id: string): void {
    mkdirSync(this.folderOf(id), { recursive: true });
    // A workspace under version control: these are traces of work, not work.
    const ignore = join(this.workspace, ".acewright", ".gitignore");
    if (!existsSync(ignore)) writeFileAtomic(ignore, Buffer.from("*\n"));
  }

  private records(): JobRecord[] {
    if (!existsSync(this.folder)) return [];
    return readdirSync(this.folder)
      .sort()
      .flatMap((id) => readRecord(this.folderOf(id)) ?? []);
  }

  private record(id: string): JobRecord {
    const record = /^[0-9a-z-]+$/.test(id) ? readRecord(this.folderOf(id)) : undefined;
    if (record === undefined)
      throw new AceError("ERR_FILE", `job ${id}: is not known; it may have been removed`);
    return record;
  }

  private folderOf(id: string): string {
    return join(this.folder, id);
  }
}

/** Undefined where somebody has made the file already. */
function openNew(path: string): number | undefined {
  try {
    return openSync(path, "wx");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") return undefined;
    throw cause;
  }
}

/** The whole lines of a growing file from an offset on. */
function linesFrom(path: string, from: number): { output: unknown[]; next: number } {
  if (!existsSync(path)) return { output: [], next: from };
  const descriptor = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(Math.max(0, Math.min(mostBytes, statSync(path).size - from)));
    const text = bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, from));
    const isTooLong = text.length === mostBytes && !text.includes(0x0a);
    if (isTooLong) return { output: [], next: from + text.length };
    const end = text.lastIndexOf(0x0a) + 1;
    const output = text
      .toString("utf8", 0, end)
      .split("\n")
      .filter((line) => line !== "")
      .flatMap((line) => {
        try {
          return [JSON.parse(line) as unknown];
        } catch {
          return [{ type: "text", text: line }];
        }
      });
    return { output, next: from + end };
  } finally {
    closeSync(descriptor);
  }
}
