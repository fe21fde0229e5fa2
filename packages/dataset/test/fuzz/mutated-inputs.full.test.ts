import { expect, test } from "vitest";
import { hunt } from "./hunt.js";

const inputs = Number(process.env["ACEWRIGHT_HUNT"] ?? 2000);

test(
  "2,000 damaged files are each read or refused in one line, none crashes, hangs or fills memory",
  { timeout: 3_600_000 },
  async () => {
    const { read, refused, peakMiB, faults } = await hunt(Array.from({ length: inputs }, (_, n) => n));
    console.log(
      `${read} read, ${refused} refused, ${faults.length} faults, largest process ${Math.round(peakMiB)} MiB`,
    );
    expect(faults).toEqual([]);
    expect(read + refused).toBe(inputs);
  },
);
