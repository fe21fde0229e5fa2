import { basename, resolve } from "node:path";
import { AceError } from "@acewright/core-native";
import { compareRuns, runCurves } from "@acewright/trainer";
import type { CurvePoint, RunComparison, RunDetails } from "@acewright/trainer";
import type { Command } from "commander";
import { leafCommand, outputOf } from "../../command.js";
import type { Context } from "../../command.js";
import type { Output } from "../../output.js";
import { renderCurves } from "../../render/chart.js";
import { renderTable } from "../../render/table.js";
import { adapterText, bestText, lossText, stepsOf } from "./run-page.js";

export function compareCommand(context: Context): Command {
  return leafCommand({
    name: "compare",
    summary: "several runs side by side: what was set differently, and how they went",
    examples: ["runs compare runs/first runs/second", "runs compare runs/* --json"],
    notes:
      "Losses of runs with other songs, noise or timesteps cannot be compared; their validation least of all.",
  })
    .argument("<runs...>", "two run folders or more")
    .action((folders: string[], _options: object, command: Command) => {
      const output = outputOf(command, context);
      if (folders.length < 2)
        throw new AceError("ERR_CONFIG", "name two runs or more; `runs show` looks at one");
      const comparison = compareRuns(folders.map((folder) => resolve(folder)));
      output.result(comparison, () => comparisonPage(comparison, output));
    });
}

function comparisonPage({ runs, differences }: RunComparison, output: Output): string {
  const names = runs.map(({ folder }) => basename(folder));
  const facts: [string, (run: RunDetails) => string][] = [
    ["status", ({ status }) => status],
    ["steps", stepsOf],
    ["loss, smoothed", (run) => lossText(runCurves(run.events).smoothedLoss.at(-1)?.value)],
    ["best", bestText],
    ["adapter", adapterText],
  ];
  const rows = [
    ...facts.map(([what, of]) => [what, ...runs.map(of)]),
    ...differences.map(({ field, values }) => [field, ...values.map(settingText)]),
  ];
  const table = renderTable(
    ["", ...names].map((title) => ({ title })),
    rows,
  );
  return [table, ...charts(runs, names, output)].join("\n");
}

function charts(runs: readonly RunDetails[], names: readonly string[], output: Output): string[] {
  if (!output.draws) return [];
  const curves = runs.map(({ events }) => runCurves(events));
  const draw = (title: string, all: readonly (readonly CurvePoint[])[]) => {
    const series = all.map((points, i) => ({ name: names[i] ?? "", points }));
    const chart = renderCurves(series, output.terminal.columns, output.terminal.color);
    return chart === "" ? [] : [`\n${title}\n${chart}`];
  };
  return [
    ...draw(
      "training loss, smoothed",
      curves.map(({ smoothedLoss }) => smoothedLoss),
    ),
    ...draw(
      "validation loss",
      curves.map(({ validation }) => validation),
    ),
  ];
}

const longestValue = 24;

function settingText(value: unknown): string {
  if (value === undefined) return "-";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length <= longestValue ? text : `${text.slice(0, longestValue - 1)}…`;
}
