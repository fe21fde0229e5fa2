import { basename, join } from "node:path";
import { AceError } from "@acewright/core-native";
import { findPreset, notForPresets, TrainConfig, userConfigFolder } from "@acewright/trainer";
import type { TrainConfigInput } from "@acewright/trainer";
import { settingValue } from "../../settings/values.js";
import { trainWords } from "../../choices/train-words.js";
import { valueAt, type Values } from "../../choices/values.js";
import { readTexts, type ReadForm } from "../form/read-texts.js";
import type { JobStore } from "../jobs/job-store.js";
import { asWord, newName } from "../new-names.js";
import type { TrainChoices } from "../train-api.js";
import type { Workspace } from "../workspace.js";

/** Chosen as places, or written by a run itself: no field of the form. */
export const omitted = ["tensors", "model", "output", "environment"] as const;

/** Settings that name a file or a folder. */
const paths = notForPresets.filter((key) => !(omitted as readonly string[]).includes(key));

/** The settings of the form, judged as `train` would. */
export function readSettings({ settings }: Pick<TrainChoices, "settings">): ReadForm {
  const beside = { tensors: ".", model: ".", output: "." };
  return readTexts(TrainConfig, settings, { beside, omit: omitted });
}

/**
 * The configuration that is trained, paths made absolute.
 *
 * @throws {AceError} ERR_CONFIG naming the first field that is wrong, ERR_FILE for a path that leads out of the workspace.
 */
export function configOf(choices: TrainChoices, workspace: Workspace): TrainConfigInput {
  const { values, problems } = readSettings(choices);
  const [problem] = problems;
  if (problem !== undefined) throw new AceError("ERR_CONFIG", problem.text);
  const { value: threads } = settingValue("threads");
  return {
    ...(threads === undefined ? {} : { threads }),
    ...values,
    ...placesOf(choices, workspace),
    ...Object.fromEntries(
      paths.flatMap((key) => {
        const path = valueAt(values, [key]);
        return typeof path === "string" ? [[key, workspace.resolve(path)]] : [];
      }),
    ),
  };
}

function placesOf(
  { tensors, model, output }: TrainChoices,
  workspace: Workspace,
): Record<"tensors" | "model" | "output", string> {
  const needed = {
    tensors: "choose the songs' tensors",
    model: "choose a model",
    output: "name the run's folder",
  };
  for (const [key, how] of Object.entries(needed)) {
    if ({ tensors, model, output }[key] === "") throw new AceError("ERR_CONFIG", `${key} is missing; ${how}`);
  }
  return {
    tensors: workspace.resolve(tensors),
    model: workspace.resolve(model),
    output: workspace.resolve(output),
  };
}

/** The words of the command that trains with them, by the preset where that says the same. */
export function wordsOf(choices: TrainChoices, values: Values, workspace: Workspace): string[] {
  const { preset: name } = choices;
  const { tensors, model, output } = placesOf(choices, workspace);
  const shown = (path: string): string => asWord(workspace.show(path));
  const places = { tensors: shown(tensors), model: shown(model), run: shown(output) };
  const preset = name === "" ? undefined : findPreset(name, presetFolders(workspace)).preset;
  return trainWords(places, { preset, values });
}

/** Where a person's presets lie, as a command in the workspace finds them. */
export function presetFolders(workspace: Workspace): string[] {
  return [join(workspace.folder, "presets"), join(userConfigFolder(), "presets")];
}

/** A name for a new run, called like its tensors. */
export function newRunFolder(tensors: string, workspace: Workspace, jobs: JobStore): string {
  return newName(`runs/${basename(workspace.resolve(tensors))}`, "", workspace, jobs);
}
