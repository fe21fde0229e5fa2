import { expect, test } from "vitest";
import type { TableRow } from "../../src/scan/finder-csv.js";
import { matchRows } from "../../src/scan/match-rows.js";

const row = (file: string, line: number, table = "/songs/t.csv"): TableRow => ({
  file,
  line,
  table,
  caption: "",
  bpm: "",
  key: "",
});

function match(files: readonly (string | TableRow)[], paths: readonly string[]) {
  const rows = files.map((file, index) => (typeof file === "string" ? row(file, index + 2) : file));
  const { rowOf, report, warnings } = matchRows({ rows, warnings: [] }, "/songs", paths);
  return { lines: paths.map((path) => rowOf.get(path)?.line), report, warnings };
}

const two = ["/songs/x/a.wav", "/songs/y/a.wav"];

test.each(["y/a.wav", "./y/a.wav", "y\\a.wav", ".\\y\\a.wav"])(
  "a row that says %s names the song of that folder alone",
  (file) => {
    expect(match([file], two)).toMatchObject({ lines: [undefined, 2], warnings: [] });
  },
);

test("a folder that is not there leaves the name to go by, as the table may come from another place", () => {
  expect(match(["/music/on/a mac/b.wav"], ["/songs/b.wav"])).toMatchObject({ lines: [2], warnings: [] });
});

test("songs of one name that share a row are told once, however many rows name them", () => {
  const rows = [row("a.wav", 2), row("a.wav", 2, "/songs/u.csv")];
  const { warnings } = match(rows, two);
  expect(warnings).toEqual([
    "/songs/x/a.wav, /songs/y/a.wav: share one table row; give them different names",
  ]);
});

test("of two rows for a song the later counts, and within one table that is told", () => {
  const { lines, warnings } = match(["b.wav", "b.wav"], ["/songs/b.wav"]);
  expect(lines).toEqual([3]);
  expect(warnings).toEqual(["/songs/t.csv: line 3 names b.wav again and replaces line 2"]);
  const other = match([row("b.wav", 2), row("b.wav", 5, "/songs/u.csv")], ["/songs/b.wav"]);
  expect(other).toMatchObject({ lines: [5], warnings: [] });
});

test("a row without a song is reported with the song that looks like it, also where no letter is left to compare", () => {
  const { report } = match(
    ["A  b.mp3", "!!.mp3", "ghost.wav"],
    ["/songs/a_B.wav", "/songs/!!.wav", "/songs/??.wav"],
  );
  expect(report.unmatchedRows.map(({ file, similar }) => [file, similar])).toEqual([
    ["A  b.mp3", "/songs/a_B.wav"],
    ["!!.mp3", "/songs/!!.wav"],
    ["ghost.wav", undefined],
  ]);
  expect(report.unmatchedSongs).toHaveLength(3);
  expect(report.matchedSongs).toBe(0);
});

test("without a table no song lacks its row", () => {
  expect(match([], two).report).toEqual({ unmatchedRows: [], unmatchedSongs: [], matchedSongs: 0 });
});
