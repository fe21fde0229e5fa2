import { storedAnalysis } from "@acewright/dataset";
import type { AnalyzeReport, CheckItem, Dataset, StoredAnalysis } from "@acewright/dataset";
import type { Output } from "../../output.js";
import { renderTable } from "../../render/table.js";
import { fitWidth } from "../../render/text-width.js";

/** More rows than a person reads. */
const mostRows = 60;

/** What was heard in each song: value, how sure, the next best reading. */
export function analysisTable({ dataset, songs }: AnalyzeReport, output: Output): string {
  const widest = Math.max(16, Math.floor(output.terminal.columns / 4));
  const heard = songs.flatMap(({ sample }) => {
    const row = dataset.samples[sample];
    const analysis = row === undefined ? undefined : storedAnalysis(row);
    return row === undefined || analysis === undefined ? [] : [{ number: sample + 1, row, analysis }];
  });
  const rows = heard
    .slice(0, mostRows)
    .map(({ number, row, analysis }) => [
      String(number),
      fitWidth(row.filename, widest),
      ...tempoCells(analysis),
      ...textCells(analysis.keyscale),
      ...textCells(analysis.timesignature),
      analysis.loudness_lufs?.toFixed(1) ?? "silent",
      analysis.true_peak_db?.toFixed(1) ?? "",
      analysis.sections.map(({ label }) => label).join(""),
    ]);
  const titles = [
    "#",
    "song",
    "bpm",
    "sure",
    "or",
    "key",
    "sure",
    "or",
    "beats",
    "sure",
    "or",
    "LUFS",
    "peak",
    "parts",
  ];
  const right = new Set(["#", "bpm", "sure", "LUFS", "peak"]);
  const columns = titles.map((title) => ({
    title,
    align: right.has(title) ? ("right" as const) : ("left" as const),
  }));
  const table = renderTable(columns, rows);
  return heard.length > mostRows
    ? `${table}\n… and ${heard.length - mostRows} more; --json lists all`
    : table;
}

function tempoCells({ bpm }: StoredAnalysis): string[] {
  if (bpm === null) return ["", "", ""];
  return [bpm.value.toFixed(1), percent(bpm.confidence), bpm.alternatives[0]?.value.toFixed(1) ?? ""];
}

function textCells(judged: StoredAnalysis["keyscale"] | StoredAnalysis["timesignature"]): string[] {
  if (judged === null) return ["", "", ""];
  return [judged.value, percent(judged.confidence), judged.alternatives[0]?.value ?? ""];
}

/** What a person should look at, and why. */
export function queueTable(
  { samples }: Dataset,
  items: readonly (CheckItem & { sample: number })[],
  output: Output,
): string {
  const widest = Math.max(16, Math.floor(output.terminal.columns / 4));
  const rows = items
    .slice(0, mostRows)
    .map((item) => [
      String(item.sample + 1),
      fitWidth(samples[item.sample]?.filename ?? "", widest),
      item.field,
      item.value === null ? "" : String(item.value),
      String(item.heard),
      percent(item.confidence),
      item.alternatives.slice(0, 3).join(", "),
      item.reason === "unsure" ? "not sure" : "yours differs",
    ]);
  const titles = ["#", "song", "field", "value", "heard", "sure", "or", "why"];
  const table = renderTable(
    titles.map((title) => ({ title })),
    rows,
  );
  return items.length > mostRows
    ? `${table}\n… and ${items.length - mostRows} more; --json lists all`
    : table;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
