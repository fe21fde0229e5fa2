import { expect, test } from "vitest";
import { renderTable } from "../../src/render/table.js";
import { fitWidth, textWidth } from "../../src/render/text-width.js";
import { wrapWords } from "../../src/render/wrap-words.js";

test("columns line up whatever the script of the text", () => {
  const table = renderTable(
    [{ title: "song" }, { title: "s", align: "right" }],
    [
      ["夜の歌", "9"],
      ["e\u0301tude", "120"],
    ],
  );
  const widths = table.split("\n").map(textWidth);
  expect(table.split("\n")).toEqual(["song      s", "夜の歌    9", "e\u0301tude   120"]);
  expect(new Set(widths).size).toBe(1);
});

test("colours take no room", () => {
  expect(textWidth("\u001b[31mred\u001b[39m")).toBe(3);
});

test("a long text is cut to the cells there are", () => {
  expect(fitWidth("a long name", 6)).toBe("a lon…");
  expect(textWidth(fitWidth("夜の歌夜の歌", 6))).toBeLessThanOrEqual(6);
  expect(fitWidth("short", 6)).toBe("short");
});

test("pictures of several code points take the two cells of one, and are cut whole", () => {
  for (const picture of ["👩‍👩‍👧", "🇯🇵", "❤️", "⚡", "👍🏽", "𠮷"]) expect(textWidth(picture), picture).toBe(2);
  expect(textWidth("a\u200db")).toBe(2);
  expect(fitWidth("👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 5)).toBe("👩‍👩‍👧👩‍👩‍👧…");
});

test("prose is broken between words where the terminal ends, and columns stay aligned", () => {
  const columns = [
    { title: "name" },
    { title: "what for", wraps: true },
    { title: "n", align: "right" },
  ] as const;
  const rows = [
    ["one", "a training that takes little memory", "1"],
    ["two", "夜の歌と朝の歌と夜の歌と朝の歌", "22"],
    ["three", "short", "333"],
  ];
  expect(renderTable(columns, rows, 28).split("\n")).toEqual([
    "name   what for            n",
    "one    a training that     1",
    "       takes little",
    "       memory",
    "two    夜の歌と朝の歌と   22",
    "       夜の歌と朝の歌",
    "three  short             333",
  ]);
  expect(renderTable(columns, rows).split("\n")).toHaveLength(4);
  // No column is squeezed to nothing.
  expect(renderTable(columns, rows, 10).split("\n")[2]).toBe("       that takes");
});

test("a path is broken behind its slashes, a word longer than the line anywhere", () => {
  expect(wrapWords("/home/somebody/models/checkpoints", 16)).toEqual([
    "/home/somebody/",
    "models/",
    "checkpoints",
  ]);
  expect(wrapWords("a wordlongerthanthis  b", 8)).toEqual(["a", "wordlong", "erthanth", "is  b"]);
  expect(wrapWords("", 8)).toEqual([""]);
});
