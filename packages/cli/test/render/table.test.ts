import { expect, test } from "vitest";
import { fitWidth, renderTable, textWidth } from "../../src/render/table.js";

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
