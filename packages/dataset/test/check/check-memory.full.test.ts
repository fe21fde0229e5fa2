import { expect, test } from "vitest";
import { memoryOfCheck } from "./check-memory.js";

test("a thousand songs are checked in flat memory", { timeout: 900_000 }, async () => {
  const figures = await memoryOfCheck(1000, 30);
  // Time depends on the machine and is printed, not asserted. Decoded, the songs are 10.6 GB.
  console.log(JSON.stringify(figures));
  expect(figures.grown).toBeLessThan(100);
});
