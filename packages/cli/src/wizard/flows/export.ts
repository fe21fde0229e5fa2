import { adapterFormats } from "@acewright/trainer";
import { beginStep } from "../begin.js";
import { newPathProblem } from "../places.js";
import { back, type Back } from "../questions.js";
import type { FlowName } from "../flow-names.js";
import type { Tools } from "../tools.js";
import { walk, type Step } from "../walk.js";
import { runSteps } from "./pick-run.js";

/** A finished run's adapter in another program's layout. */
export async function exportFlow(tools: Tools): Promise<Back | readonly FlowName[]> {
  const { questions, answers, work } = tools;
  let format: (typeof adapterFormats)[number] = adapterFormats[0];
  let place = "my-style";
  const layout: Step = async () => {
    const choices = adapterFormats.map((value) => ({ value, label: value }));
    const chosen = await questions.choose("Which layout?", choices, format);
    if (chosen === back) return back;
    format = chosen;
    return undefined;
  };
  const where: Step = async () => {
    const message = "Which new folder or .safetensors file shall it be written to?";
    const path = await questions.path({ message, initial: place, check: newPathProblem });
    if (path === back) return back;
    place = path;
    return undefined;
  };
  const { step, outcome } = beginStep(async () => {
    await work.run(["export", answers.run, "-f", format, "-o", place]);
    return [];
  });
  const run = runSteps(
    tools,
    "Which run?",
    ({ final }) => final !== undefined,
    () => undefined,
  );
  return (await walk([...run, layout, where, step])) ?? outcome();
}
