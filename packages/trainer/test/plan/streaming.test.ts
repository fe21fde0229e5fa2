import type { DeviceInfo } from "@acewright/core-native";
import { expect, test } from "vitest";
import { headroomBytes } from "../../src/plan/verdict.js";
import { withStreaming } from "../../src/plan/streaming.js";
import { memory } from "../quadratic-model.js";

const mib = 2 ** 20;
const device = (freeMib: number, name: DeviceInfo["name"] = "cuda:0"): DeviceInfo => ({
  name,
  description: "test",
  instructionSet: "sm_90",
  buildId: "test",
  memoryBytes: 80 * 1024 * mib,
  freeBytes: freeMib * mib + headroomBytes,
  threads: 1,
});
const plan = { ...memory, datasetBytes: 500 * mib, totalBytes: 1500 * mib };
const songs = { largestBytes: 10 * mib, batch: 2 };

test("songs that fit stay on the device", () => {
  expect(withStreaming(plan, device(1500), songs)).toEqual({ memory: plan });
});

test("what does not fit is streamed through two places for a micro-batch's songs, the rest stays", () => {
  expect(withStreaming(plan, device(1499), songs)).toEqual({
    memory: { ...plan, datasetBytes: 40 * mib, totalBytes: 1040 * mib },
    residentBytes: 0,
  });
  expect(withStreaming(plan, device(1040), songs).residentBytes).toBe(0);
  // A gibibyte is left to other programs.
  const many = { ...plan, datasetBytes: 5000 * mib, totalBytes: 6000 * mib };
  expect(withStreaming(many, device(3024), songs)).toEqual({
    memory: { ...many, datasetBytes: 1000 * mib, totalBytes: 2000 * mib },
    residentBytes: 960 * mib,
  });
});

test("where not even the two places fit, and on a CPU, the plan stays as it is", () => {
  expect(withStreaming(plan, device(1039), songs)).toEqual({ memory: plan });
  expect(withStreaming(plan, device(1200, "cpu"), songs)).toEqual({ memory: plan });
});
