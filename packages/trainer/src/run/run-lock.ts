import { hostname } from "node:os";
import { join } from "node:path";
import { AceError } from "@acewright/core-native";
import { fileError, type Files } from "./files.js";
import { processStart } from "./process-start.js";

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Start of the process in clock ticks since boot (Linux), so that a pid used again is not taken for the old process. */
  readonly started: string | null;
}

/** Holds a run folder for one process; the file is gone once {@link RunLock.release} was called. */
export class RunLock {
  private constructor(
    private readonly files: Files,
    private readonly path: string,
    private readonly text: string,
  ) {}

  /**
   * Takes the run for this process; a lock whose process is gone is taken over.
   *
   * @throws {AceError} ERR_FILE when another process trains into this run.
   */
  static take(files: Files, run: string): RunLock {
    const path = join(run, "run.lock");
    const text = JSON.stringify(thisProcess(files));
    for (let attempt = 0; attempt < 3; attempt++) {
      if (createWith(files, path, text)) return new RunLock(files, path, text);
      const held = readLock(files, path);
      if (held === undefined) continue;
      const owner = parseOwner(held);
      // Cut short: its writer is between creating and writing it, or died there. The next look tells.
      if (owner === undefined && attempt === 0)
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
      else {
        refuseLiving(files, run, path, owner);
        moveAway(files, run, path, held);
      }
    }
    throw new AceError("ERR_FILE", `${path}: other processes keep taking this run; try again`);
  }

  /** @throws {AceError} ERR_FILE when the lock file is gone or another process's: then this one must not write. */
  verify(): void {
    if (readLock(this.files, this.path) === this.text) return;
    throw new AceError("ERR_FILE", `${this.path}: this process no longer holds the run; training stops`);
  }

  release(): void {
    if (readLock(this.files, this.path) === this.text) this.files.rmSync(this.path, { force: true });
  }
}

/** @throws {AceError} ERR_FILE when a living process holds the run; nothing is taken. */
export function refuseLocked(files: Files, run: string): void {
  const path = join(run, "run.lock");
  const held = readLock(files, path);
  if (held !== undefined) refuseLiving(files, run, path, parseOwner(held));
}

/** Whether a living process of this machine (or one elsewhere, which cannot be asked) holds the run. */
export function isRunLocked(files: Files, run: string): boolean {
  const held = readLock(files, join(run, "run.lock"));
  return held !== undefined && isAlive(files, parseOwner(held));
}

function thisProcess(files: Files): Owner {
  return { pid: process.pid, host: hostname(), started: processStart(process.pid, files) };
}

function createWith(files: Files, path: string, text: string): boolean {
  let descriptor: number;
  try {
    descriptor = files.openSync(path, "wx");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw fileError(cause, path, "taking the run");
  }
  try {
    files.writeSync(descriptor, text);
  } catch (cause) {
    files.rmSync(path, { force: true });
    throw fileError(cause, path, "taking the run");
  } finally {
    files.closeSync(descriptor);
  }
  return true;
}

function readLock(files: Files, path: string): string | undefined {
  try {
    return files.readFileSync(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw fileError(cause, path, "reading the lock");
  }
}

function refuseLiving(files: Files, run: string, path: string, owner: Owner | undefined): void {
  if (owner === undefined || !isAlive(files, owner)) return;
  const where = owner.host === hostname() ? "" : ` on ${owner.host}, which this machine cannot ask`;
  throw new AceError(
    "ERR_FILE",
    `${run}: process ${owner.pid}${where} is training into this run; stop it first, or delete ${path} if it is gone`,
  );
}

/** Only one of several takers can rename a file away; who caught a fresh lock by mistake puts it back. */
function moveAway(files: Files, run: string, path: string, held: string): void {
  const aside = join(run, `.tmp-lock-${process.pid}`);
  try {
    files.renameSync(path, aside);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return;
    throw fileError(cause, path, "taking over the lock of a process that is gone");
  }
  const caught = files.readFileSync(aside, "utf8");
  if (caught !== held && !files.existsSync(path)) files.renameSync(aside, path);
  else files.rmSync(aside, { force: true });
}

/** Undefined for a lock that was not written to its end. */
function parseOwner(text: string): Owner | undefined {
  try {
    const { pid, host, started } = JSON.parse(text) as Partial<Owner>;
    if (typeof pid !== "number" || typeof host !== "string") return undefined;
    return { pid, host, started: started ?? null };
  } catch {
    return undefined;
  }
}

function isAlive(files: Files, owner: Owner | undefined): boolean {
  if (owner === undefined) return false;
  if (owner.host !== hostname()) return true;
  try {
    process.kill(owner.pid, 0);
  } catch (cause) {
    // EPERM: it lives, but is another user's.
    if ((cause as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const started = processStart(owner.pid, files);
  return owner.started === null || started === null || started === owner.started;
}
