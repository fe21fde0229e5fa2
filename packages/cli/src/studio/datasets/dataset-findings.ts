import { checkWords, type Finding } from "@acewright/dataset";
import type { DatasetView } from "../dataset-api.js";
import type { JobStore } from "../jobs/job-store.js";
import type { OpenDataset } from "./dataset-files.js";

/** What only a model's tokenizer can tell, which the newest check had or had not. */
const counted = new Set(["caption-too-long", "lyrics-too-long", "metas-lost"]);

/**
 * What is worth knowing of the songs: words and numbers as they are this moment, the sound as the newest check heard it. A check
 * takes minutes and its findings stay in its job; what it says of songs that are here no more is left out.
 */
export async function findingsOf(
  opened: OpenDataset,
  jobs: JobStore,
): Promise<Pick<DatasetView, "findings" | "soundCheckedAt">> {
  const words = await checkWords(opened.dataset);
  const check = jobs
    .list()
    .find(({ kind, makes, status }) => kind === "check" && makes === opened.path && status === "done");
  if (check === undefined) return { findings: words };
  const sound = findingsIn(jobs.view(check.id, 0).output).filter(
    ({ sample, field, code, message }) =>
      (field === "audio" || field === "audio_path" || counted.has(code)) &&
      sample !== undefined &&
      message.startsWith(`${nameAt(opened, sample)}: `),
  );
  return {
    findings: [...words, ...sound],
    ...(check.endedAt === undefined ? {} : { soundCheckedAt: check.endedAt }),
  };
}

function findingsIn(output: readonly unknown[]): readonly Finding[] {
  const result = output.findLast(
    (line): line is { findings: Finding[] } =>
      typeof line === "object" && line !== null && "findings" in line && Array.isArray(line.findings),
  );
  return result?.findings ?? [];
}

function nameAt({ songs }: OpenDataset, index: number): string | undefined {
  const song = songs[index];
  return song?.sample.filename === "" ? song.audioFile : song?.sample.filename;
}
