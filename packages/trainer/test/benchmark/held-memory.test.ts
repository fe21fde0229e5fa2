import { freeBytes } from "@acewright/core-native";
import { expect, test } from "vitest";
import { heldBytes } from "../../src/benchmark/held-memory.js";

const MiB = 2 ** 20;

test("on the CPU what this process holds grows by what it writes to, of memory that was free", () => {
  const device = { name: "cpu", memoryBytes: 2 ** 40 } as const;
  const before = heldBytes(device);
  const written = new Uint8Array(256 * MiB).fill(1);
  const grown = heldBytes(device) - before;
  expect(grown).toBeGreaterThan(200 * MiB);
  expect(grown).toBeLessThan(400 * MiB);
  expect(written[written.length - 1]).toBe(1);
  expect(freeBytes("cpu")).toBeGreaterThan(MiB);
});
