import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomic } from "@acewright/core-native";
import { processStart } from "@acewright/trainer";
import { z } from "zod";
import { exitCodes } from "../../failure.js";
import type { Job } from "../api.js";

/** What is kept of a job in its folder. */
export const JobRecord = z.object({
  id: z.string().regex(/^[0-9a-z-]+$/),
  kind: z.string(),
  title: z.string(),
  words: z.array(z.string()),
  line: z.string(),
  makes: z.string().optional(),
  addedAt: z.string(),
  startedAt: z.string().optional(),
  /** Of its process, once it was started. */
  pid: z.number().int().positive().optional(),
  /** By which the process is told from a later one with its number. */
  processStart: z.string().nullable().optional(),
  /** It was asked to end. */
  stopped: z.boolean().optional(),
});
export type JobRecord = z.infer<typeof JobRecord>;

const Ended = z.object({ code: z.number(), endedAt: z.string() });

/** Files of a job's folder. */
export const jobFiles = (folder: string) => ({
  record: join(folder, "job.json"),
  output: join(folder, "output.jsonl"),
  errors: join(folder, "errors.txt"),
  ended: join(folder, "ended.json"),
  /** Made by who wants it to end, taken away by its process. */
  stop: join(folder, "stop"),
});

export function readRecord(folder: string): JobRecord | undefined {
  return parsed(JobRecord, jobFiles(folder).record);
}

export function writeRecord(folder: string, record: JobRecord): void {
  writeFileAtomic(jobFiles(folder).record, Buffer.from(`${JSON.stringify(record, null, 2)}\n`));
}

/** A job as the page sees it. */
export function viewJob(folder: string, record: JobRecord): Job {
  const { id, kind, title, line, makes, addedAt, startedAt, stopped = false } = record;
  const ended = parsed(Ended, jobFiles(folder).ended);
  const job = (status: Job["status"], more: Partial<Job> = {}): Job => ({
    id,
    kind,
    title,
    line,
    ...(makes === undefined ? {} : { makes }),
    status,
    addedAt,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...more,
  });
  if (ended !== undefined) {
    const { code, endedAt } = ended;
    if (code === exitCodes.done) return job("done", { endedAt });
    if (code === exitCodes.interrupted) return job("stopped", { endedAt });
    return job("failed", { endedAt, error: errorOf(folder) ?? `ended with exit code ${code}` });
  }
  if (isAlive(record)) return job("running");
  if (stopped) return job("stopped");
  if (startedAt === undefined) return job("waiting");
  return job("failed", {
    error: errorOf(folder) ?? "its process ended without a word: killed, or the machine went down",
  });
}

/** The process of a job lives. */
export function isAlive({ pid, processStart: started }: JobRecord): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return started === undefined || started === null || processStart(pid) === started;
}

/** The last line of its error side: JSON, as `--json` has it, or words. */
function errorOf(folder: string): string | undefined {
  const { errors } = jobFiles(folder);
  if (!existsSync(errors)) return undefined;
  const line = readFileSync(errors, "utf8").trimEnd().split("\n").at(-1) ?? "";
  try {
    const said = JSON.parse(line) as { error?: { message?: unknown } };
    if (typeof said.error?.message === "string") return said.error.message;
  } catch {
    // Not every end is a refusal of ours: a crash speaks in its own words.
  }
  return line === "" ? undefined : line;
}

/** Undefined for a file that is not there or was cut off: the folder lies open to everybody. */
function parsed<Value>(schema: z.ZodType<Value>, path: string): Value | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const result = schema.safeParse(JSON.parse(readFileSync(path, "utf8")));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}
