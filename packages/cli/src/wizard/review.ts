import { resolve } from "node:path";
import {
  planRun,
  presetName,
  savePreset,
  settingGroups,
  TrainConfig,
  withoutFolders,
} from "@acewright/trainer";
import type { MemoryCure } from "@acewright/trainer";
import { failureOf } from "../failure.js";
import { planTable } from "../commands/plan.js";
import { renderTable } from "../render/table.js";
import { back, type Back } from "./questions.js";
import { chosenCure, cureChoices } from "./cures.js";
import { withCure } from "../choices/with-cure.js";
import { listedGroup, type Draft } from "./draft.js";
import { editSettings } from "./settings/edit-settings.js";
import { shellLine } from "../choices/command-line.js";
import { trainWords } from "../choices/train-words.js";
import { isEqual, settingsOf, textOf, valueAt, type Values } from "../choices/values.js";
import type { FlowName } from "./flow-names.js";
import type { Tools } from "./tools.js";

/** Shows what was decided and what it comes to, and lets it be changed, kept or begun. */
export async function review(tools: Tools, draft: Draft): Promise<Back | readonly FlowName[]> {
  const { questions, answers, work } = tools;
  for (;;) {
    const words = trainWords(answers, draft);
    questions.page("What will be trained (* differs from the default)", settingsTable(draft.values));
    const { canBegin, cures } = await verdict(tools, draft.values);
    questions.page("The same as a command line", `acewright ${shellLine(words)}`);
    const chosen = await questions.choose("Begin?", [
      ...(canBegin ? [{ value: "begin", label: "begin the training" }] : cureChoices(cures)),
      ...settingGroups.map(({ name, title }) => ({ value: name, label: `change: ${title.toLowerCase()}` })),
      { value: "preset", label: "save these settings as a preset" },
    ]);
    if (chosen === back) return back;
    if (chosen === "begin") return await work.train(words);
    if (chosen === "preset") await savePresetOf(tools, draft.values);
    const cure = chosenCure(cures, chosen);
    if (cure !== undefined) draft.values = withCure(draft.values, cure);
    const group = settingGroups.find(({ name }) => name === chosen);
    if (group === undefined) continue;
    await editSettings(questions, group.title, listedGroup(group, draft));
  }
}

function settingsTable(values: Values): string {
  const basic = new Set(settingGroups.flatMap((group) => group.basic));
  const rows = settingsOf(TrainConfig, values).flatMap(({ path, name, fallback }) => {
    const value = valueAt(values, path);
    const isOwn = value !== undefined && !isEqual(value, fallback);
    if (!isOwn && !basic.has(path.join("."))) return [];
    return [[isOwn ? "*" : "", name, textOf(value ?? fallback) || "-", isOwn ? textOf(fallback) || "-" : ""]];
  });
  return renderTable([{ title: "" }, { title: "setting" }, { title: "value" }, { title: "default" }], rows);
}

/** Whether `train` would take it, and where memory alone is in the way, what would fit. */
interface Verdict {
  readonly canBegin: boolean;
  readonly cures: readonly MemoryCure[];
}

/** Says whether it fits and what it comes to. */
async function verdict({ questions, answers, output }: Tools, values: Values): Promise<Verdict> {
  const places = {
    tensors: resolve(answers.tensors),
    model: resolve(answers.model),
    output: resolve(answers.run),
  };
  try {
    const plan = await planRun({ ...values, ...places });
    const cells = output.cells - 3; // the line that a page stands beside
    questions.page("What it comes to", planTable(plan, { colors: output.colors, cells }));
    for (const warning of plan.warnings) questions.warn(warning);
    const { verdict: memory, cures, reason } = plan.recompute;
    if (memory !== "red") return { canBegin: true, cures: [] };
    questions.fail(`it cannot be begun: ${reason}`);
    return { canBegin: false, cures };
  } catch (error) {
    questions.fail(`error: ${failureOf(error).message}`);
    return { canBegin: false, cures: [] };
  }
}

async function savePresetOf({ questions, output }: Tools, values: Values): Promise<void> {
  const name = await questions.text({ message: "Name of the preset?", check: presetNameProblem });
  if (name === back) return;
  const description = await questions.text({ message: "One line about it?" });
  if (description === back) return;
  const preset = { name, description, config: withoutFolders(values) };
  try {
    questions.say(`saved: ${output.path(savePreset(preset))}`);
  } catch (error) {
    questions.fail(`error: ${failureOf(error).message}`);
    const replaces =
      /exists already/.test(failureOf(error).message) && (await questions.yes("Replace it?", false));
    if (replaces === true) questions.say(`saved: ${output.path(savePreset(preset, { replace: true }))}`);
  }
}

function presetNameProblem(text: string): string | undefined {
  try {
    presetName(text);
    return undefined;
  } catch (error) {
    return failureOf(error).message;
  }
}
