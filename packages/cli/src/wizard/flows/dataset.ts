import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { CheckSettings } from "@acewright/dataset";
import { ScanSettings } from "../../commands/dataset.js";
import { begin, beginStep, settingSteps, type Job } from "../begin.js";
import { fileProblem, folderProblem, newPathProblem, pathStep } from "../places.js";
import { back, type Back } from "../questions.js";
import type { FlowName } from "../flow-names.js";
import type { Tools } from "../tools.js";
import { passed, walk, type Step } from "../walk.js";

/** A folder of songs to dataset.json. */
export async function datasetFlow(tools: Tools): Promise<Back | readonly FlowName[]> {
  const { questions, answers } = tools;
  const job: Job = { schema: ScanSettings, choice: {}, beside: {}, values: {} };
  // What was written by hand into an existing file would be lost.
  const replace: Step = async () => {
    if (!existsSync(resolve(answers.dataset))) return passed;
    const yes = await questions.yes(`${answers.dataset} exists: write it anew from the songs?`, false);
    return yes === true ? undefined : back;
  };
  const { step, outcome } = beginStep(() =>
    begin(tools, job, ["dataset", "scan", answers.songs, "-o", answers.dataset], ["check", "preprocess"]),
  );
  const left = await walk([
    pathStep(tools, "songs", "Which folder of songs?", folderProblem),
    pathStep(tools, "dataset", "Which file shall the dataset be written to?", newPathProblem),
    replace,
    ...settingSteps(tools, job, ["custom_tag"]),
    step,
  ]);
  return left ?? outcome();
}

/** Everything that would spoil a training. */
export async function checkFlow(tools: Tools): Promise<Back | readonly FlowName[]> {
  const { answers } = tools;
  const job: Job = { schema: CheckSettings, choice: {}, beside: {}, values: {} };
  const { step, outcome } = beginStep(() =>
    begin(tools, job, ["dataset", "check", answers.dataset], ["preprocess"]),
  );
  return (await walk([pathStep(tools, "dataset", "Which dataset?", fileProblem), step])) ?? outcome();
}
