import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { CaptionSettings, LabelSettings, planAnnotation, TranscribeSettings } from "@acewright/dataset";
import type { AnnotationPreview, TypedSettings } from "../dataset-api.js";
import type { NewJob } from "../jobs/job-store.js";
import { asWord } from "../new-names.js";
import type { Workspace } from "../workspace.js";
import type { OpenDataset } from "./dataset-files.js";
import { fieldViews, typedFlags, typedValues } from "./fields.js";
import { rootFlags } from "./preparation.js";

/** What people change; the rest is as the commands have it. */
export const machineFields = {
  label: fieldViews(LabelSettings, [
    "onlyUnlabeled",
    "skipMetas",
    "overwrite",
    "formatLyrics",
    "temperature",
    "device",
  ]),
  transcribe: fieldViews(TranscribeSettings, ["provider", "policy", "language", "model", "baseUrl"]),
  caption: fieldViews(CaptionSettings, ["provider", "policy", "lyrics", "metas", "model", "baseUrl"]),
};

/** Captions, metadata and lyrics by the 5 Hz language model, here. */
export function labelJob(
  workspace: Workspace,
  opened: OpenDataset,
  { model, lm, settings }: { model: string; lm: string; settings: TypedSettings },
): NewJob {
  const { path } = opened;
  const place = (given: string): string => asWord(workspace.show(workspace.resolve(given)));
  const folders = ["--model", place(model), "--lm", place(lm)];
  const flags = typedFlags(LabelSettings, settings);
  return {
    kind: "label",
    title: `label ${path}`,
    words: ["dataset", "label", asWord(path), ...folders, ...flags, ...rootFlags(workspace, opened)],
    makes: path,
  };
}

/** Folders of language models beside the checkpoints, by their official names. */
export function languageModels(workspace: Workspace, models: string): string[] {
  if (!existsSync(models)) return [];
  return readdirSync(models)
    .filter((name) => /5hz-lm/i.test(name))
    .map((name) => workspace.show(join(models, name)));
}

/** What a service is asked for. */
export type Annotation = "transcribe" | "caption";
const annotationSettings = { transcribe: TranscribeSettings, caption: CaptionSettings } as const;

/** Lyrics or captions by a service. The page has shown what is sent before; nobody is there to be asked in the job. */
export function annotationJob(
  workspace: Workspace,
  opened: OpenDataset,
  task: Annotation,
  settings: TypedSettings,
): NewJob {
  const { path } = opened;
  const flags = typedFlags(annotationSettings[task], settings);
  return {
    kind: task,
    title: `${task} ${path}`,
    words: ["dataset", task, asWord(path), "--yes", ...flags, ...rootFlags(workspace, opened)],
    makes: path,
  };
}

/** What would be sent to whom. Asks nobody, and needs no key. */
export async function annotationPreview(
  { roots }: Workspace,
  { file }: OpenDataset,
  task: Annotation,
  typed: TypedSettings,
): Promise<AnnotationPreview> {
  const settings = typedValues(annotationSettings[task], typed);
  const { provider, estimate, warnings } = await planAnnotation(
    file,
    { task, settings },
    { allowRoots: roots, dryRun: true },
  );
  const { name, model, origin } = provider;
  return { provider: { name, model, origin }, estimate, warnings };
}
