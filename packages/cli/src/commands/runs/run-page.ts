import { readdirSync } from "node:fs";
import { join } from "node:path";
import { newestGradNorms, runCurves } from "@acewright/trainer";
import type { CurvePoint, RunDetails, RunSummary } from "@acewright/trainer";
import type { Output } from "../../output.js";
import { adapterCell } from "../../render/adapter-words.js";
import { renderBars } from "../../render/bars.js";
import { renderCurves } from "../../render/chart.js";
import { renderTable } from "../../render/table.js";
import { formatDuration } from "../../render/units.js";
import { shellWord } from "../../render/shell-word.js";

/** One line a run. */
export function runsTable(runs: readonly RunSummary[], output: Output): string {
  return renderTable(
    [
      { title: "run" },
      { title: "status" },
      { title: "steps", align: "right" },
      { title: "loss", align: "right" },
      { title: "best", align: "right" },
      { title: "adapter" },
      { title: "begun" },
      { title: "took", align: "right" },
    ],
    runs.map((run) => [
      output.path(run.folder),
      run.status,
      stepsOf(run),
      lossText(run.lastLoss),
      bestText(run),
      adapterText(run),
      run.startedAt?.slice(0, 16).replace("T", " ") ?? "",
      tookText(run),
    ]),
  );
}

/** Everything worth knowing of a run, for a person. */
export function runPage(run: RunDetails, output: Output): string {
  const { config } = run;
  const rows: [string, string][] = [
    ["run", output.path(run.folder)],
    ["status", `${run.status}, ${stepsOf(run)} steps${tookText(run) === "" ? "" : ` in ${tookText(run)}`}`],
    ["loss", lossText(run.lastLoss)],
    ["best", bestText(run)],
    ["adapter", adapterText(run)],
    [
      "learning rate",
      `${config.learningRate} (${config.schedule}), ${config.optimizer.kind}${config.emaDecay > 0 ? `, averaged by ${config.emaDecay}` : ""}, batch ${config.batchSize} x ${config.gradientAccumulation}`,
    ],
    ["model", output.path(config.model)],
    ["tensors", output.path(config.tensors)],
    ["checkpoints", run.checkpoints.length === 0 ? "none" : `steps ${run.checkpoints.join(", ")}`],
    ["songs made", songsOf(run).join(", ") || "none"],
    ["trained adapter", run.final === undefined ? "not yet" : output.path(run.final)],
    ...nextStep(run, output),
  ];
  const page = renderTable([{ title: "" }, { title: "" }], rows).trimStart();
  return [page, ...charts(run, output), ...gradients(run, output), ...warningsOf(run)].join("\n");
}

function nextStep(run: RunDetails, output: Output): [string, string][] {
  if (run.status !== "interrupted" && run.status !== "stopped") return [];
  return [["go on with", `acewright train --resume ${shellWord(output.path(run.folder))}`]];
}

function charts(run: RunDetails, output: Output): string[] {
  if (!output.draws) return [];
  const { smoothedLoss, validation } = runCurves(run.events);
  const draw = (name: string, points: readonly CurvePoint[]) => {
    const chart = renderCurves([{ name, points }], output.terminal.columns, false);
    return chart === "" ? [] : [`\n${chart}`];
  };
  return [...draw("training loss, smoothed", smoothedLoss), ...draw("validation loss", validation)];
}

/** Where the newest look found the gradient: by layer, and by kind of projection. */
function gradients({ events }: RunDetails, output: Output): string[] {
  const norms = newestGradNorms(events);
  if (norms === undefined) return [];
  const bars = (parts: readonly { name: string; norm: number }[]) =>
    renderBars(
      parts.map(({ name, norm }) => ({ name, value: norm, note: "" })),
      output.terminal.columns,
    );
  const layers = norms.layers.map(({ layer, norm }) => ({ name: `layer ${layer}`, norm }));
  return [`\ngradient norm at step ${norms.step}`, bars(layers), "", bars(norms.projections)];
}

function warningsOf({ events }: RunDetails): string[] {
  const warnings = events.flatMap((event) => (event.type === "warning" ? [event] : []));
  if (warnings.length === 0) return [];
  const newest = warnings.slice(-5).map(({ step, message }) => `  step ${step}: ${message}`);
  return [`\n${warnings.length} warnings, the newest:`, ...newest];
}

function songsOf({ folder, events }: RunDetails): string[] {
  if (!events.some(({ type }) => type === "sample")) return [];
  return readdirSync(join(folder, "samples")).sort();
}

export function stepsOf({ step, steps }: RunSummary): string {
  return steps === undefined ? String(step) : `${step}/${steps}`;
}

export function lossText(loss: number | undefined): string {
  return loss?.toFixed(4) ?? "-";
}

export function bestText({ best }: RunSummary): string {
  return best === undefined ? "-" : `${best.loss.toFixed(4)} at ${best.step}`;
}

export function adapterText({ config }: RunSummary): string {
  return adapterCell(config.adapter);
}

function tookText({ startedAt, tookS }: RunSummary): string {
  return startedAt === undefined ? "" : formatDuration(tookS);
}
