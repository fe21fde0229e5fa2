import type { Dataset, Finding } from "@acewright/dataset";
import type { Output } from "../../output.js";
import { renderTable } from "../../render/table.js";
import { formatCounted } from "../../render/units.js";

const order = { error: 0, warning: 1, info: 2 } as const;
/** Songs shown with their findings; more would hide the table under them. */
const mostSongs = 50;

/** Findings by song, the worst songs first, each with how to mend it; then a table by severity and kind. */
export function findingWords(findings: readonly Finding[], dataset: Dataset, output: Output): string {
  const { samples } = dataset;
  const bySong = groupedBy(findings, ({ sample }) => sample);
  const groups = [...bySong.values()].map((group) =>
    [...group].sort((a, b) => order[a.severity] - order[b.severity]),
  );
  groups.sort((a, b) => worst(a) - worst(b) || (a[0]?.sample ?? -1) - (b[0]?.sample ?? -1));
  const songs = groups.slice(0, mostSongs).flatMap((group) => group.map((finding) => line(finding, output)));
  const hidden = groups.length - mostSongs;
  const more = hidden > 0 ? [`… and ${hidden} more songs with findings; --json lists all`] : [];
  const table = findings.length === 0 ? [] : ["", summary(findings)];
  return [...songs, ...more, ...table, "", `${formatCounted(samples.length, "song")} checked`]
    .join("\n")
    .trimStart();
}

function line({ severity, code, message, fix }: Finding, { colors }: Output): string {
  const paint = { error: colors.red, warning: colors.yellow, info: colors.dim };
  return `${paint[severity](severity)} ${code}: ${message}; ${fix}`;
}

function summary(findings: readonly Finding[]): string {
  const kinds = [...groupedBy(findings, ({ severity, code }) => `${severity} ${code}`).values()];
  kinds.sort((a, b) => worst(a) - worst(b) || b.length - a.length);
  const rows = kinds.map((group) => {
    const songs = new Set(group.map(({ sample }) => sample)).size;
    return [group[0]?.severity ?? "", group[0]?.code ?? "", String(songs)];
  });
  return renderTable([{ title: "severity" }, { title: "finding" }, { title: "songs", align: "right" }], rows);
}

function worst(findings: readonly Finding[]): number {
  return Math.min(...findings.map(({ severity }) => order[severity]));
}

function groupedBy<Key>(findings: readonly Finding[], keyOf: (finding: Finding) => Key): Map<Key, Finding[]> {
  const groups = new Map<Key, Finding[]>();
  for (const finding of findings) {
    const group = groups.get(keyOf(finding));
    if (group === undefined) groups.set(keyOf(finding), [finding]);
    else group.push(finding);
  }
  return groups;
}
