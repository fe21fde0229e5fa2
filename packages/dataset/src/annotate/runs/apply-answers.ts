import { basename, dirname, resolve } from "node:path";
import { differences } from "../../dataset-file/edit-dataset.js";
import { loadDataset } from "../../dataset-file/load-dataset.js";
import { resolveSongs } from "../../dataset-file/resolve-audio.js";
import { saveDataset } from "../../dataset-file/save-dataset.js";
import type { Dataset, Sample, SampleAdditions } from "../../dataset-file/schema.js";
import { applyAnnotation, type AnswerSource } from "./apply-annotation.js";
import { wantedFields } from "./policies.js";
import type { AnnotationPlan } from "./plan-annotation.js";
import type { AnnotationReport } from "./annotation-report.js";
import { writeSidecars } from "./write-sidecars.js";

/**
 * Writes the answers that the journal holds and nobody has written yet. The dataset is read again first, so that what the user
 * changed meanwhile stays; the policy decides field by field once more.
 */
export async function applyAnswers(
  plan: AnnotationPlan,
  report: AnnotationReport,
  preview: boolean,
): Promise<void> {
  const { journal, target } = plan.work;
  const waiting = [...journal.entries].filter(([, entry]) => entry.annotation !== undefined);
  if (waiting.length === 0) return;
  const { before, indexOf } = await currentSamples(plan);
  const after: Dataset = { ...before, samples: [...before.samples] };
  for (const [audioFile] of waiting) {
    for (const index of indexOf.get(audioFile) ?? []) {
      const sample = before.samples[index];
      if (sample !== undefined) after.samples[index] = answered(plan, audioFile, sample, report);
    }
  }
  report.songs = before.samples.map(({ filename, audio_path }) => filename || basename(audio_path));
  report.changes = differences(before, after).filter(({ key }) => !shadows.has(key));
  if (preview) return;
  if (target.kind === "folder") report.written = await writeSidecars(target.path, before, after, plan.policy);
  else if (differences(before, after).length > 0) report.written = [saveDataset(target.path, after)];
  journal.markApplied(waiting.map(([audioFile]) => audioFile));
}

/** Keys that change along with the one that is shown. */
const shadows = new Set(["raw_lyrics", "formatted_lyrics", "acewright"]);

function answered(plan: AnnotationPlan, audioFile: string, sample: Sample, report: AnnotationReport): Sample {
  const { provider, journal, minConfidence, promptSha256 } = plan.work;
  const entry = journal.entries.get(audioFile);
  if (entry?.annotation === undefined) return sample;
  const { annotation, madeAt } = entry;
  const source: AnswerSource = {
    by: provider.name,
    model: provider.model,
    origin: provider.origin,
    ...(promptSha256 === undefined ? {} : { prompt_sha256: promptSha256 }),
    made_at: madeAt,
  };
  const wanted = wantedFields(sample, plan.work.gives, plan.policy);
  const edited = applyAnnotation(sample, annotation, wanted, source, minConfidence);
  const lyrics = (edited["acewright"] as SampleAdditions | undefined)?.provenance?.["lyrics"];
  if (wanted.includes("lyrics") && lyrics?.low === true)
    report.toCheck.push({
      audioFile,
      why: `the provider is ${Math.round((lyrics.confidence ?? 0) * 100)} % sure of the lyrics`,
    });
  for (const why of annotation.notes ?? []) report.toCheck.push({ audioFile, why });
  if (wanted.includes("lyrics") && annotation.lyrics === "") report.withoutLyrics.push(basename(audioFile));
  return edited;
}

async function currentSamples(
  plan: AnnotationPlan,
): Promise<{ before: Dataset; indexOf: Map<string, number[]> }> {
  const { target, allowRoots } = plan.work;
  const before =
    target.kind === "folder"
      ? target.dataset
      : (await loadDataset(target.path, { allowRoots, missingAudio: "keep" })).dataset;
  const songs = await resolveSongs(
    before,
    target.kind === "folder" ? target.path : dirname(resolve(target.path)),
    {
      allowRoots,
    },
  );
  const indexOf = new Map<string, number[]>();
  for (const [index, { audioFile }] of songs.entries()) {
    indexOf.set(audioFile, [...(indexOf.get(audioFile) ?? []), index]);
  }
  return { before, indexOf };
}
