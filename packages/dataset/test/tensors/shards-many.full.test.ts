import { expect, test } from "vitest";
import { measureShards } from "./many-shards.js";

test(
  "100,000 songs in shards open in little memory, and each is read from its place",
  { timeout: 300_000 },
  async () => {
    const figures = await measureShards(100_000, 2000);
    // Times depend on the machine and are printed, not asserted.
    console.log(JSON.stringify(figures));
    expect(figures).toMatchObject({ songs: 100_000, wrong: 0 });
    expect(figures["heapMiB"]).toBeLessThan(200);
  },
);
