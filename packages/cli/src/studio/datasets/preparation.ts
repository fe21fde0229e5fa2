import { basename, extname } from "node:path";
import { AceError } from "@acewright/core-native";
import { AnalysisSettings, PreprocessSettings } from "@acewright/dataset";
import { ScanSettings } from "../../commands/dataset.js";
import type { FieldView, TypedSettings } from "../dataset-api.js";
import type { NewJob } from "../jobs/job-store.js";
import { asWord, newName, refuseTaken } from "../new-names.js";
import type { StudioParts } from "../open-studio.js";
import type { Workspace } from "../workspace.js";
import type { OpenDataset } from "./dataset-files.js";
import { fieldViews, typedFlags } from "./fields.js";

/** Jobs of these kinds write their dataset as it was when they began; others write what they changed alone. */
export const writers: ReadonlySet<string> = new Set(["label"]);

/** What people change; the rest is as the command has it. */
export const preparationFields: Readonly<Record<"scan" | "analyze" | "preprocess", readonly FieldView[]>> = {
  scan: fieldViews(ScanSettings, ["name", "custom_tag", "tag_position", "all_instrumental"]),
  analyze: fieldViews(AnalysisSettings, ["overwrite", "again", "minConfidence"]),
  preprocess: fieldViews(PreprocessSettings, [
    "maxDurationS",
    "chunks",
    "chunkS",
    "normalize",
    "lufs",
    "variants",
    "fieldDropout",
    "conditioning",
    "device",
  ]),
};

/** Where new things go. */
type Place = Pick<StudioParts, "workspace" | "jobs">;

/**
 * A folder of songs to a dataset.
 *
 * @throws {AceError} ERR_CONFIG where the dataset is there: what people wrote in it is worth more than a scan.
 */
export function scanJob(
  { workspace, jobs }: Place,
  { folder, output, settings }: { folder: string; output: string; settings: TypedSettings },
): NewJob {
  const songs = workspace.show(workspace.resolve(folder));
  const named = extname(output).toLowerCase() === ".json" ? output : `${output}.json`;
  refuseTaken(named, "file", { workspace, jobs });
  const made = workspace.show(workspace.resolve(named));
  return {
    kind: "scan",
    title: `scan ${songs}`,
    words: ["dataset", "scan", asWord(songs), "-o", asWord(made), ...typedFlags(ScanSettings, settings)],
    makes: made,
  };
}

/** Everything that would fail or spoil a training. A finding is no failure of the job. */
export function checkJob(workspace: Workspace, opened: OpenDataset, model: string): NewJob {
  const { path } = opened;
  const counting = model === "" ? [] : ["--model", asWord(workspace.show(workspace.resolve(model)))];
  return {
    kind: "check",
    title: `check ${path}`,
    words: [
      "dataset",
      "check",
      asWord(path),
      "--fail-on",
      "never",
      ...counting,
      ...rootFlags(workspace, opened),
    ],
    makes: path,
  };
}

/** Tempo, key and time signature by ear. */
export function analyzeJob(workspace: Workspace, opened: OpenDataset, settings: TypedSettings): NewJob {
  const { path } = opened;
  const flags = typedFlags(AnalysisSettings, settings);
  return {
    kind: "analyze",
    title: `analyze ${path}`,
    words: ["dataset", "analyze", asWord(path), ...flags, ...rootFlags(workspace, opened)],
    makes: path,
  };
}

/** Songs to tensors. What is there already is kept, so the same folder again makes only what has changed. */
export function preprocessJob(
  workspace: Workspace,
  opened: OpenDataset,
  { output, model, settings }: { output: string; model: string; settings: TypedSettings },
): NewJob {
  const { path } = opened;
  const [made, checkpoint] = [output, model].map((each) => workspace.show(workspace.resolve(each)));
  if (made === undefined || checkpoint === undefined)
    throw new AceError("ERR_CONFIG", "output and model are needed");
  const flags = typedFlags(PreprocessSettings, settings);
  return {
    kind: "preprocess",
    title: `preprocess ${path}`,
    words: [
      "preprocess",
      asWord(path),
      "-o",
      asWord(made),
      "--model",
      asWord(checkpoint),
      ...flags,
      ...rootFlags(workspace, opened),
    ],
    makes: made,
  };
}

/** Where the tensors of a dataset go by themselves: `tensors/NAME`, by the folder it lies in where its own name says nothing. */
export function tensorsName({ workspace, jobs }: Place, { path, dataset }: OpenDataset): string {
  const { name } = dataset.metadata;
  const file = basename(path, ".json");
  const folder = path.split("/").at(-2);
  const known = [name, file, folder ?? ""].find(
    (each) => each !== "" && !/^(untitled(_dataset)?|dataset)$/.test(each),
  );
  return newName(`tensors/${plain(known ?? "songs")}`, "", workspace, jobs);
}

/** Where the dataset of a folder of songs goes by itself: beside the songs. */
export function datasetName({ workspace, jobs }: Place, folder: string): string {
  const songs = workspace.show(workspace.resolve(folder));
  return newName(songs === "." ? "dataset" : `${songs}/dataset`, ".json", workspace, jobs);
}

function plain(name: string): string {
  return name.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "") || "songs";
}

/** The studio lets relative paths lead to all its folders; a command must be told. */
export function rootFlags({ roots: all }: Workspace, { dataset }: OpenDataset): string[] {
  const leads = dataset.samples.some(({ audio_path }) => /(^|[\\/])\.\.([\\/]|$)/.test(audio_path));
  return leads ? all.flatMap((root) => ["--allow-root", root]) : [];
}
