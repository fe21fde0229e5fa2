import { settingGroups, TrainConfig } from "@acewright/trainer";
import type { SettingGroup } from "@acewright/trainer";
import { listedGroup, trainingJudge, type Draft } from "../draft.js";
import { emptyFolderProblem, modelStep, pathStep, tensorsProblem } from "../places.js";
import { back, type Back } from "../questions.js";
import { review } from "../review.js";
import { askSetting } from "../settings/ask-setting.js";
import { editSettings } from "../settings/edit-settings.js";
import { settingsOf } from "../../choices/values.js";
import type { FlowName } from "../flow-names.js";
import type { Tools } from "../tools.js";
import { passed, walk, type Step } from "../walk.js";
import { presetStep } from "./preset-choice.js";

export async function trainFlow(tools: Tools): Promise<Back | readonly FlowName[]> {
  const { answers, questions } = tools;
  const draft: Draft = { preset: undefined, values: {} };
  let outcome: readonly FlowName[] = [];
  const mode: Step = async () => {
    const chosen = await questions.choose(
      "How much do you want to decide?",
      [
        { value: "basic", label: "the essentials", hint: "everything else as in the preset" },
        { value: "advanced", label: "everything, group by group" },
      ],
      answers.mode,
    );
    if (chosen === back) return back;
    answers.mode = chosen;
    return undefined;
  };
  const steps = [
    mode,
    pathStep(tools, "tensors", "Which folder of tensors?", tensorsProblem),
    modelStep(tools),
    pathStep(tools, "run", "Which folder shall the run be written to?", emptyFolderProblem),
    presetStep(tools, draft),
    ...settingGroups.flatMap((group) => groupSteps(tools, draft, group)),
    async () => {
      const reviewed = await review(tools, draft);
      if (reviewed === back) return back;
      outcome = reviewed;
      return undefined;
    },
  ];
  if (answers.run === "") answers.run = `${answers.runs}/first`;
  return (await walk(steps)) ?? outcome;
}

/** The basic questions of a group, or the whole group as a list. */
function groupSteps({ questions, answers }: Tools, draft: Draft, group: SettingGroup): Step[] {
  const whole: Step = async () => {
    if (answers.mode === "basic") return passed;
    return await editSettings(questions, group.title, listedGroup(group, draft));
  };
  const basic = group.basic.map((path): Step => async () => {
    const setting = settingsOf(TrainConfig, draft.values).find((one) => one.path.join(".") === path);
    if (answers.mode === "advanced" || setting === undefined) return passed;
    const answer = await askSetting(questions, setting, draft.values, trainingJudge);
    if (answer === back) return back;
    draft.values = answer;
    return undefined;
  });
  return [whole, ...basic];
}
