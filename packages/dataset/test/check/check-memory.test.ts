import { expect, test } from "vitest";
import { memoryOfCheck } from "./check-memory.js";

test("memory does not follow the length of songs", { timeout: 300_000 }, async () => {
  const { most, grown } = await memoryOfCheck(12, 20);
  // Decoded, the twelve songs are 85 MB.
  expect(grown).toBeLessThan(60);
  expect(most).toBeLessThan(500);
});
