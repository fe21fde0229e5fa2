import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { hunt } from "./hunt.js";

const source = fileURLToPath(new URL("../../src", import.meta.url));
const inputs = 200;
/** The inputs of mutated-inputs.full.test.ts, in as many parts. */
const parts = 10;

/** Which part: another one whenever the code it tries has changed, the same one for the same code. */
function partOfCode(): number {
  const hash = createHash("sha256");
  const paths = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(".ts"),
  );
  for (const path of paths.sort()) hash.update(readFileSync(join(source, path)));
  return hash.digest().readUInt32LE(0) % parts;
}

test(
  "200 damaged files are each read or refused in one line, none crashes, hangs or fills memory",
  { timeout: 300_000 },
  async () => {
    const part = partOfCode();
    const { read, refused, peakMiB, faults } = await hunt(
      Array.from({ length: inputs }, (_, n) => part * inputs + n),
    );
    expect(faults, `part ${part}`).toEqual([]);
    expect(read + refused).toBe(inputs);
    expect(Math.min(read, refused), `${read} read, ${refused} refused, ${peakMiB} MiB`).toBeGreaterThan(20);
  },
);
