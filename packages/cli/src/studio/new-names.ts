import { existsSync, readdirSync, statSync } from "node:fs";
import { AceError } from "@acewright/core-native";
import { freeName } from "../free-name.js";
import type { Job } from "./api.js";
import type { JobStore } from "./jobs/job-store.js";
import type { Workspace } from "./workspace.js";

/** A name in the workspace that neither a file nor a job that waits has taken. */
export function newName(stem: string, ending: string, workspace: Workspace, jobs: JobStore): string {
  return freeName(
    stem,
    ending,
    (name) => existsSync(workspace.resolve(name)) || unfinished(jobs, name) !== undefined,
  );
}

/**
 * Refuses a name for something new that is there already, or that a job is about to make.
 *
 * @param kind a folder may be there as long as it is empty.
 * @throws {AceError} ERR_CONFIG; ERR_FILE for a path that leads out of the workspace.
 */
export function refuseTaken(
  output: string,
  kind: "file" | "folder",
  { workspace, jobs }: { readonly workspace: Workspace; readonly jobs: JobStore },
): void {
  const path = workspace.resolve(output);
  const job = unfinished(jobs, workspace.show(path));
  if (job !== undefined)
    throw new AceError("ERR_CONFIG", `output: the job “${job.title}” writes ${output}; choose another name`);
  if (!existsSync(path)) return;
  const isEmptyFolder = statSync(path).isDirectory() && readdirSync(path).length === 0;
  if (kind === "folder" && isEmptyFolder) return;
  throw new AceError("ERR_CONFIG", `output: ${output} is there already; choose another name`);
}

/** The job that makes what lies at a path, and is not done with it. */
export function unfinished(jobs: JobStore, path: string): Job | undefined {
  return jobs
    .list()
    .find(({ makes, status }) => makes === path && (status === "running" || status === "waiting"));
}

/** A path that a command does not take for a flag. */
export function asWord(path: string): string {
  return path.startsWith("-") ? `./${path}` : path;
}
