import type { Back } from "../questions.js";
import type { FlowName } from "../flow-names.js";
import type { Tools } from "../tools.js";
import { walk } from "../walk.js";
import { beginStep } from "../begin.js";
import { runSteps } from "./pick-run.js";

/** What was trained: one run's page. */
export async function runsFlow(tools: Tools): Promise<Back | readonly FlowName[]> {
  const { step, outcome } = beginStep(async () => {
    await tools.work.run(["runs", "show", tools.answers.run]);
    return [];
  });
  const run = runSteps(
    tools,
    "Which run?",
    () => true,
    () => undefined,
  );
  return (await walk([...run, step])) ?? outcome();
}
