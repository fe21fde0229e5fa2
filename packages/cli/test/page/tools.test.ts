import { expect, test } from "vitest";
import { formatBytes, formatNumber, formatTime } from "../../dist/page/tools/format.js";
import { linkTo, placeOf } from "../../dist/page/tools/place.js";
import { address } from "../../dist/page/tools/api.js";
import { t } from "../../dist/page/words/words.js";

test("times, bytes and numbers as people read them", () => {
  expect([0, 59.6, 61, 3661].map(formatTime)).toEqual(["0:00", "1:00", "1:01", "1:01:01"]);
  expect([0, 1023, 1024, 1.5 * 2 ** 30, 200 * 2 ** 20].map(formatBytes)).toEqual([
    "0 B",
    "1023 B",
    "1.0 KiB",
    "1.5 GiB",
    "200 MiB",
  ]);
  expect([0, 1.23456, 1e-5, 123456789, Infinity].map(formatNumber)).toEqual([
    "0",
    "1.235",
    "1.00e-5",
    "1.23e+8",
    "Infinity",
  ]);
});

test("a link leads to the place it was made of, whatever its words hold", () => {
  const words = { path: "a folder/ä&=?#.json", song: "3" };
  expect(placeOf(linkTo("dataset", words))).toEqual({ room: "dataset", words });
  expect(placeOf(linkTo("jobs"))).toEqual({ room: "jobs", words: {} });
  expect(placeOf("")).toEqual({ room: "", words: {} });
  expect(address("runs/view", { path: "a&b", from: 3 })).toBe("/api/runs/view?path=a%26b&from=3");
});

test("phrases are filled in; what nobody fills in stays to be seen", () => {
  expect(t("step {step} of {steps}", { step: 1, steps: "10" })).toBe("step 1 of 10");
  expect(t("step {step}")).toBe("step {step}");
});
