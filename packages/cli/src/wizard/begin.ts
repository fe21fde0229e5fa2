import type { z } from "zod";
import type { FieldChoice } from "@acewright/trainer";
import { back, type Back } from "./questions.js";
import { askSetting } from "./settings/ask-setting.js";
import { flagsFor, shellLine } from "../choices/command-line.js";
import { editSettings } from "./settings/edit-settings.js";
import { settingsOf, type Values } from "../choices/values.js";
import type { FlowName } from "./flow-names.js";
import type { Tools } from "./tools.js";
import { passed, type Step } from "./walk.js";

/** One command with settings of its own. */
export interface Job {
  readonly schema: z.ZodType;
  readonly choice: FieldChoice;
  /** What the schema wants beside the settings that are asked. */
  readonly beside: Values;
  values: Values;
}

/** Asks the settings of these dotted paths, one a question. */
export function settingSteps({ questions }: Tools, job: Job, paths: readonly string[]): Step[] {
  return paths.map((path): Step => async () => {
    const setting = settingsOf(job.schema, job.values, job.choice).find((one) => one.path.join(".") === path);
    if (setting === undefined) return passed;
    const answer = await askSetting(questions, setting, job.values, job);
    if (answer === back) return back;
    job.values = answer;
    return undefined;
  });
}

/**
 * Shows the command line that the answers come to, lets its other settings be changed, and runs it.
 *
 * @param words of the command without the flags of its settings.
 * @param next what one mostly does after it.
 */
export async function begin(
  { questions, work }: Tools,
  job: Job,
  words: readonly string[],
  next: readonly FlowName[],
): Promise<Back | readonly FlowName[]> {
  for (;;) {
    const line = [...words, ...flagsFor(job.schema, job.values, job.choice)];
    questions.page("As a command line", `acewright ${shellLine(line)}`);
    const chosen = await questions.choose("Begin?", [
      { value: "begin", label: "begin" },
      { value: "settings", label: "change other settings" },
    ]);
    if (chosen === back) return back;
    if (chosen === "begin") return (await work.run(line)) === "done" ? next : [];
    const shown = settingsOf(job.schema, job.values, job.choice).map(({ path }) => path.join("."));
    await editSettings(questions, "Settings", {
      values: job.values,
      judge: job,
      takes: ({ path }) => shown.includes(path.join(".")),
      keep: (values) => {
        job.values = values;
      },
    });
  }
}

/** Takes the steps, the last of which is {@link begin}. */
export function beginStep(work: () => Promise<Back | readonly FlowName[]>): {
  step: Step;
  outcome: () => readonly FlowName[];
} {
  let next: readonly FlowName[] = [];
  return {
    step: async () => {
      const done = await work();
      if (done === back) return back;
      next = done;
      return undefined;
    },
    outcome: () => next,
  };
}
