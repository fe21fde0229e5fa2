import type { FlowName } from "../flow-names.js";
import type { Flow } from "../tools.js";
import { checkFlow, datasetFlow } from "./dataset.js";
import { exportFlow } from "./export.js";
import { generateFlow } from "./generate.js";
import { doctorFlow, modelsFlow } from "./models.js";
import { presetsFlow } from "./presets.js";
import { estimateFlow, preprocessFlow } from "./preprocess.js";
import { resumeFlow } from "./resume.js";
import { runsFlow } from "./runs.js";
import { settingsFlow } from "./settings.js";
import { trainFlow } from "./train.js";

/** What stands behind each entry of the menu. */
export const flows: Readonly<Record<FlowName, Flow>> = {
  train: trainFlow,
  resume: resumeFlow,
  dataset: datasetFlow,
  check: checkFlow,
  preprocess: preprocessFlow,
  estimate: estimateFlow,
  generate: generateFlow,
  export: exportFlow,
  presets: presetsFlow,
  runs: runsFlow,
  models: modelsFlow,
  settings: settingsFlow,
  doctor: doctorFlow,
};
