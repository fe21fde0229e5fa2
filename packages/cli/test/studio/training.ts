import { cpSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { main } from "../../dist/index.js";
import type { Job } from "../../dist/studio/api.js";
import type { TrainChoices } from "../../dist/studio/train-api.js";
import type { Studio } from "../../dist/studio/open-studio.js";
import { recordingTerminal } from "../recording-terminal.js";
import { newFolder, toy } from "./open.js";

export const model = join(toy, "checkpoints/acestep-v15-toy");

export async function acewright(...words: string[]): Promise<void> {
  const terminal = recordingTerminal();
  const never = new AbortController().signal;
  expect(await main(words, { terminal, signal: never, stopNow: never }), terminal.written.err).toBe(0);
}

let made: Promise<string> | undefined;

/** A folder with the toy songs as tensors, made once a file of tests. */
export async function folderWithTensors(): Promise<string> {
  made ??= (async () => {
    const folder = newFolder();
    const dataset = join(folder, "dataset.json");
    await acewright("dataset", "scan", join(toy, "adapt"), "-o", dataset);
    await acewright("preprocess", dataset, "-o", join(folder, "tensors"), "-m", model);
    return folder;
  })();
  const folder = newFolder();
  cpSync(join(await made, "tensors"), join(folder, "tensors"), { recursive: true });
  return folder;
}

/** What the page sends, with other settings. */
export function choices(
  settings: Record<string, string> = {},
  more: Partial<TrainChoices> = {},
): TrainChoices {
  return { tensors: "tensors", model, output: "runs/one", preset: "", settings, ...more };
}

/** Waits until a job is over. */
export async function jobEnded(studio: Studio, id: string): Promise<Job> {
  for (;;) {
    const { job } = studio.jobs.view(id, Number.MAX_SAFE_INTEGER);
    if (job.status !== "running" && job.status !== "waiting") return job;
    await new Promise((done) => setTimeout(done, 50));
  }
}
