import { PreprocessSettings } from "@acewright/dataset";
import { EstimateSettings } from "@acewright/trainer";
import { begin, beginStep, type Job } from "../begin.js";
import { fileProblem, modelStep, newPathProblem, pathStep, tensorsProblem } from "../places.js";
import type { Back } from "../questions.js";
import type { FlowName } from "../flow-names.js";
import type { Tools } from "../tools.js";
import { walk } from "../walk.js";

/** dataset.json to tensors. */
export async function preprocessFlow(tools: Tools): Promise<Back | readonly FlowName[]> {
  const { answers } = tools;
  const job: Job = { schema: PreprocessSettings, choice: {}, beside: {}, values: {} };
  const { step, outcome } = beginStep(() =>
    begin(
      tools,
      job,
      ["preprocess", answers.dataset, "-o", answers.tensors, "-m", answers.model],
      ["train", "estimate"],
    ),
  );
  const left = await walk([
    pathStep(tools, "dataset", "Which dataset?", fileProblem),
    pathStep(tools, "tensors", "Which folder shall the tensors be written to?", newPathProblem),
    modelStep(tools),
    step,
  ]);
  return left ?? outcome();
}

/** Which modules the songs pull on. */
export async function estimateFlow(tools: Tools): Promise<Back | readonly FlowName[]> {
  const { answers } = tools;
  const places = { tensors: ".", model: "." };
  const job: Job = {
    schema: EstimateSettings,
    choice: { omit: Object.keys(places) },
    beside: places,
    values: {},
  };
  const { step, outcome } = beginStep(() =>
    begin(tools, job, ["estimate", answers.tensors, "-m", answers.model], ["train"]),
  );
  const left = await walk([
    pathStep(tools, "tensors", "Which folder of tensors?", tensorsProblem),
    modelStep(tools),
    step,
  ]);
  return left ?? outcome();
}
