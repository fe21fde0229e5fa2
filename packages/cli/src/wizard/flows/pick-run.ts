import { resolve } from "node:path";
import { listRuns } from "@acewright/trainer";
import type { RunSummary } from "@acewright/trainer";
import { folderProblem, pathStep } from "../places.js";
import { back } from "../questions.js";
import type { Tools } from "../tools.js";
import type { Step } from "../walk.js";

/** Asks for a folder of runs, then for one of them. */
export function runSteps(
  tools: Tools,
  message: string,
  takes: (run: RunSummary) => boolean,
  onRun: (run: RunSummary) => void,
): Step[] {
  const { questions, answers, output } = tools;
  const runsIn = (folder: string): RunSummary[] =>
    listRuns(resolve(folder), () => undefined)
      .filter(takes)
      .sort((a, b) => Number(a.status === "finished") - Number(b.status === "finished"));
  const check = (folder: string): string | undefined =>
    folderProblem(folder) ?? (runsIn(folder).length > 0 ? undefined : `${folder} holds no such run`);
  const pick: Step = async () => {
    const runs = runsIn(answers.runs);
    const choices = runs.map((run) => ({
      value: run.folder,
      label: output.path(run.folder),
      hint: runWords(run),
    }));
    const chosen = await questions.search(message, choices);
    if (chosen === back) return back;
    const run = runs.find(({ folder }) => folder === chosen);
    if (run === undefined) return back;
    answers.run = output.path(run.folder);
    onRun(run);
    return undefined;
  };
  return [pathStep(tools, "runs", "Which folder of runs?", check), pick];
}

/** `interrupted at step 30 of 60, 2026-11-22 23:10` */
function runWords({ status, step, steps, lastAt }: RunSummary): string {
  const when = lastAt === undefined ? "" : `, ${lastAt.slice(0, 16).replace("T", " ")}`;
  return `${status} at step ${step}${steps === undefined ? "" : ` of ${steps}`}${when}`;
}
