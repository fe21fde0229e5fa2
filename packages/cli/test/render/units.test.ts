import { formatBytes } from "@acewright/core-native";
import { expect, test } from "vitest";
import { formatClock, formatCount, formatDuration } from "../../src/render/units.js";

test.each([
  [0, "0.0 s"],
  [9.94, "9.9 s"],
  [9.96, "10 s"],
  [59.6, "1 min 00 s"],
  [200, "3 min 20 s"],
  [3599.9, "1 h 00 min"],
  [3720, "1 h 02 min"],
])("%d seconds read %s", (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1536, "1.5 KiB"],
  [24 * 1024 ** 3, "24.0 GiB"],
])("%d bytes read %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test("a position and a count read as in print", () => {
  expect(formatClock(187.9)).toBe("3:07");
  expect(formatCount(98304)).toBe("98 304");
});
