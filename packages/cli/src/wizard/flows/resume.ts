import { harmlessSettings, parseConfig, resumeChanges, TrainConfig } from "@acewright/trainer";
import type { RunSummary } from "@acewright/trainer";
import { beginStep } from "../begin.js";
import { trainingJudge } from "../draft.js";
import { back, type Back } from "../questions.js";
import { flagsFor, shellLine } from "../../choices/command-line.js";
import { editSettings } from "../settings/edit-settings.js";
import { isEqual, settingsOf, valueAt, withValue, type Setting, type Values } from "../../choices/values.js";
import type { FlowName } from "../flow-names.js";
import type { Tools } from "../tools.js";
import { passed, walk, type Step } from "../walk.js";
import { runSteps } from "./pick-run.js";

/** Places and what the run wrote down of itself: no settings to change. */
const fixed = ["tensors", "model", "output", "foreignTensors", "environment", "from"];

/** Goes on with a run, as it was or with other settings; those that make it another run are asked for twice. */
export async function resumeFlow(tools: Tools): Promise<Back | readonly FlowName[]> {
  const { questions, answers, work } = tools;
  let run: RunSummary | undefined;
  let before: Values = {};
  let now: Values = {};
  let edits: "none" | "harmless" | "all" = "none";
  const picked = (chosen: RunSummary): void => {
    run = chosen;
    before = Object.fromEntries(Object.entries(chosen.config).filter(([key]) => !fixed.includes(key)));
    now = before;
  };
  const how: Step = async () => {
    const chosen = await questions.choose("How shall it go on?", [
      { value: "none", label: "as it is", hint: "bit for bit what an uninterrupted run would be" },
      {
        value: "harmless",
        label: "change saving, listening, logging or memory",
        hint: "the numbers stay the same",
      },
      {
        value: "all",
        label: "change anything, such as more epochs",
        hint: "it may be another run then, which is told",
      },
    ]);
    if (chosen === back) return back;
    edits = chosen;
    return undefined;
  };
  const edit: Step = async () => {
    if (edits === "none") {
      now = before;
      return passed;
    }
    const takes = ({ path: [top = ""] }: Setting): boolean =>
      !fixed.includes(top) && (edits === "all" || harmlessSettings.has(top));
    return await editSettings(questions, "Settings of the run", {
      values: now,
      judge: trainingJudge,
      takes,
      keep: (values) => {
        now = values;
      },
    });
  };
  const { step, outcome } = beginStep(async () => {
    if (run === undefined) return back;
    const { changed, lost } = difference(before, now);
    if (lost.length > 0) {
      questions.fail(`${lost.join(", ")}: a resumed run cannot be without; give it another value`);
      return back;
    }
    const after = parseConfig({ ...run.config, ...now });
    const { changes, text } = resumeChanges(run.config, after, run.stepsPerEpoch ?? 1);
    const words = ["train", "-o", answers.run, "--resume", ...flagsFor(TrainConfig, changed)];
    if (changes.length > 0) {
      questions.warn(`It will not be what an uninterrupted run would have been: ${text}`);
      if ((await questions.yes("Really go on with other settings?", false)) !== true) return back;
      words.push("--allow-changes");
    }
    questions.page("As a command line", `acewright ${shellLine(words)}`);
    if ((await questions.yes("Go on with the training?")) !== true) return back;
    return await work.train(words);
  });
  const steps = runSteps(tools, "Which run?", ({ status }) => status !== "running", picked);
  return (await walk([...steps, how, edit, step])) ?? outcome();
}

/** What was set otherwise, and what was taken away, which no flag can say. */
function difference(before: Values, now: Values): { changed: Values; lost: string[] } {
  let changed: Values = {};
  const lost: string[] = [];
  for (const { path, fallback, name } of settingsOf(TrainConfig, now)) {
    const [old, value] = [valueAt(before, path), valueAt(now, path) ?? fallback];
    if (isEqual(old ?? fallback, value)) continue;
    if (value === undefined) lost.push(name);
    else changed = withValue(changed, path, value);
  }
  return { changed, lost };
}
