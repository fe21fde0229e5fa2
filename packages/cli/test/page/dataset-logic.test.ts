import type { Finding } from "@acewright/dataset";
import { expect, test } from "vitest";
import type { FieldView, SongRow, SongView } from "../../dist/studio/dataset-api.js";
import { bulkEdit } from "../../dist/page/dataset/bulk-edit.js";
import {
  editOf,
  fits,
  isContested,
  movedDrafts,
  withoutSaved,
  withText,
} from "../../dist/page/dataset/drafts.js";
import { progressIn } from "../../dist/page/jobs/job-progress.js";
import { lineAt } from "../../dist/page/dataset/lyric-line.js";
import {
  bySong,
  rowsInView,
  scrolledTo,
  selectedBy,
  sorted,
  turned,
  type Order,
} from "../../dist/page/dataset/table-order.js";

const field = (key: string, more: Partial<FieldView> = {}): FieldView => ({
  key,
  label: key,
  help: "",
  control: "text",
  whole: false,
  choices: [],
  fallback: "",
  ...more,
});
const fields: readonly FieldView[] = [
  field("caption"),
  field("bpm", { control: "number", whole: true, min: 30, max: 300 }),
  field("is_instrumental", { control: "switch" }),
];
const view = (song: number, values: SongView["values"], file = `${song}.wav`): SongView => ({
  song,
  file,
  revision: "r",
  values,
  makers: {},
  lyricLines: [],
});
const row = (song: number, more: Partial<SongRow> = {}): SongRow => ({
  song,
  file: `${song}.wav`,
  filename: `${song}.wav`,
  isMissing: false,
  duration: 0,
  caption: "",
  genre: "",
  lines: 0,
  bpm: null,
  keyscale: "",
  timesignature: "",
  language: "",
  customTag: "",
  labeled: false,
  ...more,
});
const finding = (sample: number, severity: Finding["severity"]): Finding => ({
  severity,
  code: "quiet",
  sample,
  field: undefined,
  message: "",
  fix: "",
});

test("typed text is a draft until it is as the file has it", () => {
  const song = view(2, { caption: "old", bpm: null });
  const typed = withText({}, song, "caption", "new");
  expect(typed).toEqual({ 2: { song: 2, file: "2.wav", fields: { caption: { text: "new", base: "old" } } } });
  const both = withText(typed, song, "bpm", "90");
  expect(Object.keys(both[2]?.fields ?? {})).toEqual(["caption", "bpm"]);
  expect(withText(withText(both, song, "bpm", ""), song, "caption", "old")).toEqual({});
});

test("what was written is a draft no more, what was typed on meanwhile is", () => {
  const song = view(0, { caption: "old", genre: "" });
  const drafts = withText(withText({}, song, "caption", "sent and more"), song, "genre", "sent");
  const now = view(0, { caption: "sent", genre: "sent" });
  const left = withoutSaved(drafts, 0, { caption: "sent", genre: "sent" }, now);
  expect(left[0]?.fields).toEqual({ caption: { text: "sent and more", base: "sent" } });
  expect(withoutSaved(left, 0, { caption: "sent and more" }, now)).toEqual({});
});

test("a field is contested where file and draft went different ways", () => {
  const draft = { text: "mine", base: "old" };
  expect(isContested(draft, view(0, { caption: "old" }), "caption")).toBe(false);
  expect(isContested(draft, view(0, { caption: "mine" }), "caption")).toBe(false);
  expect(isContested(draft, view(0, { caption: "theirs" }), "caption")).toBe(true);
});

test("drafts follow their song to its new place; one whose song is gone is told, not dropped", () => {
  const drafts = withText(withText({}, view(0, {}), "genre", "a"), view(1, {}), "genre", "b");
  const moved = movedDrafts(drafts, [row(0, { file: "new.wav" }), row(1, { file: "0.wav" })]);
  expect(Object.keys(moved.drafts)).toEqual(["1"]);
  expect(moved.drafts[1]).toMatchObject({ song: 1, file: "0.wav", fields: { genre: { text: "a" } } });
  expect(moved.lost.map(({ file }) => file)).toEqual(["1.wav"]);
});

test("texts become values by their fields; an empty one clears, one that does not fit is no edit", () => {
  expect(editOf(fields, { caption: "x", bpm: " 90 ", is_instrumental: "true", nobody: "x" })).toEqual({
    set: { caption: "x", bpm: 90, is_instrumental: true },
    clear: [],
    problems: {},
  });
  expect(editOf(fields, { caption: " ", bpm: "" })).toMatchObject({ set: {}, clear: ["caption", "bpm"] });
  const { set, problems } = editOf(fields, { caption: "x", bpm: "fast" });
  expect([set, Object.keys(problems)]).toEqual([{ caption: "x" }, ["bpm"]]);
  const bpm = fields[1] ?? field("");
  expect(["", "30", "300", "29", "301", "99.5", "1e2", "x"].map((text) => fits(bpm, text))).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
    true,
    false,
  ]);
});

test.each([
  [
    { action: "set", field: "bpm", value: "90", find: "" },
    { songs: [1], set: { bpm: 90 } },
  ],
  [{ action: "set", field: "bpm", value: "fast", find: "" }, undefined],
  [{ action: "set", field: "caption", value: "", find: "" }, undefined],
  [
    { action: "clear", field: "bpm", value: "", find: "" },
    { songs: [1], clear: ["bpm"] },
  ],
  [
    { action: "replace", field: "caption", value: "", find: "a" },
    { songs: [1], replace: { field: "caption", find: "a", by: "" } },
  ],
  [{ action: "replace", field: "caption", value: "b", find: "" }, undefined],
  [
    { action: "addTag", field: "", value: "x, y", find: "" },
    { songs: [1], tags: { action: "add", tag: "x, y" } },
  ],
  [{ action: "removeTag", field: "", value: " ", find: "" }, undefined],
] as const)("a change of many songs is what its form means: %j", (form, edit) => {
  expect(bulkEdit(form, [1], fields)).toEqual(edit);
  expect(bulkEdit(form, [], fields)).toBeUndefined();
});

test("rows are sorted by numbers and words as people do; what is empty comes last either way", () => {
  const rows = [
    row(0, { filename: "song 10", bpm: 90 }),
    row(1, { filename: "Song 9", bpm: null }),
    row(2, { filename: "song 2", bpm: 120 }),
    row(3, { filename: "song 2", bpm: 90 }),
  ];
  const order = (by: Order): number[] => sorted(rows, by, new Map()).map(({ song }) => song);
  expect(order({ column: undefined, descending: false })).toEqual([0, 1, 2, 3]);
  expect(order({ column: "filename", descending: false })).toEqual([2, 3, 1, 0]);
  expect(order({ column: "bpm", descending: false })).toEqual([0, 3, 2, 1]);
  expect(order({ column: "bpm", descending: true })).toEqual([2, 0, 3, 1]);
  const findings = bySong([
    finding(0, "info"),
    finding(0, "info"),
    finding(3, "warning"),
    finding(1, "error"),
  ]);
  expect(sorted(rows, { column: "findings", descending: true }, findings).map(({ song }) => song)).toEqual([
    1, 3, 0, 2,
  ]);
});

test("a click on a head sorts up, down, and not at all", () => {
  const up = turned({ column: undefined, descending: false }, "bpm");
  const down = turned(up, "bpm");
  expect([up, down, turned(down, "bpm")]).toEqual([
    { column: "bpm", descending: false },
    { column: "bpm", descending: true },
    { column: undefined, descending: false },
  ]);
  expect(turned(down, "filename")).toEqual({ column: "filename", descending: false });
});

test("of thousands of rows only those in view are drawn, wherever the table stands", () => {
  for (const scrollTop of [0, 35, 36, 5000, 71_000, 72_000]) {
    const { first, end } = rowsInView(scrollTop, 600, 36, 2000);
    expect(end - first).toBeLessThanOrEqual(40);
    for (let y = scrollTop; y < Math.min(scrollTop + 600, 72_000); y += 10) {
      expect(Math.floor(y / 36)).toBeGreaterThanOrEqual(first);
      expect(Math.floor(y / 36)).toBeLessThan(end);
    }
  }
  expect(rowsInView(0, 600, 36, 0)).toEqual({ first: 0, end: 0 });
  // A filter has left few rows, and the table still stands where it was.
  expect(rowsInView(50_000, 600, 36, 3)).toEqual({ first: 2, end: 3 });
  expect([scrolledTo(0, 100, 360, 36), scrolledTo(5, 100, 360, 36), scrolledTo(20, 100, 360, 36)]).toEqual([
    0,
    100,
    21 * 36 - 360,
  ]);
});

test("a click selects one, with shift all between, in the order they are shown", () => {
  const shown = [5, 3, 9, 1];
  const one = selectedBy(new Set(), shown, 3, undefined, false);
  expect([...one]).toEqual([3]);
  const range = selectedBy(one, shown, 1, 3, true);
  expect([...range].sort()).toEqual([1, 3, 9]);
  expect([...selectedBy(range, shown, 9, 1, false)].sort()).toEqual([1, 3]);
  // Taken out with a click, and with shift all from there on.
  const out = selectedBy(range, shown, 3, 1, false);
  expect([...selectedBy(out, shown, 1, 3, true)]).toEqual([]);
  // The last click was on a song that is shown no more: the one here takes its state.
  expect([...selectedBy(new Set([3, 77]), shown, 9, 77, true)].sort()).toEqual([3, 77, 9]);
});

test("the sung line is the last that has begun and not ended", () => {
  const lines = [
    { start_s: 1, text: "a" },
    { start_s: 3, end_s: 4, text: "b" },
    { start_s: 6, text: "c" },
  ];
  expect([0, 1, 2.9, 3, 3.9, 4, 5, 6, 99].map((s) => lineAt(lines, s))).toEqual([
    undefined,
    0,
    0,
    1,
    1,
    undefined,
    undefined,
    2,
    2,
  ]);
  expect(lineAt([], 1)).toBeUndefined();
});

test("a job's progress is its newest bar, and what is no bar says nothing of it", () => {
  const bar = { type: "bar", what: "check", unit: "song", done: 1, total: 4, share: 0.25, remark: "a.wav" };
  const first = progressIn([{ type: "song" }, bar, "text", null], undefined);
  expect(first).toMatchObject({ what: "check", done: 1, share: 0.25, left: undefined });
  expect(progressIn([{ type: "bar" }, { findings: [] }], first)).toBe(first);
  expect(progressIn([bar, { ...bar, done: 2, share: 0.5, left: 3 }], first)).toMatchObject({
    done: 2,
    left: 3,
  });
});
