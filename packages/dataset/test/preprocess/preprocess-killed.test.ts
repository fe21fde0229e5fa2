import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { saveDataset } from "../../src/dataset-file/save-dataset.js";
import { textSha256 } from "../../src/fingerprint.js";
import { scanFolder } from "../../src/scan/scan-folder.js";
import { openTensors } from "../../src/tensors/open-tensors.js";
import { toy, toyModel } from "../reference-folders.js";

// A real process of the built package is killed without warning; what is left must never be taken for whole.

const built = pathToFileURL(join(import.meta.dirname, "../../dist/index.js")).href;
let folder: string;
let program: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "acewright-killed-"));
  saveDataset(join(folder, "dataset.json"), (await scanFolder(join(toy, "adapt"))).dataset);
  program = join(folder, "program.mjs");
  writeFileSync(
    program,
    `import { preprocess } from ${JSON.stringify(built)};
     const [dataset, output, model] = process.argv.slice(2);
     for await (const event of preprocess({ dataset, output, model, device: "cpu", threads: 1 })) {
       console.log(event.type);
     }`,
  );
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the program, killed when it has told so many events, or to its end. */
async function run(output: string, killAfter = Infinity): Promise<{ told: string[]; code: number | null }> {
  const child = spawn(process.execPath, [program, join(folder, "dataset.json"), output, toyModel], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const told: string[] = [];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    told.push(...text.trim().split("\n"));
    if (told.length >= killAfter) child.kill("SIGKILL");
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { told, code };
}

/** Checksums of all files, hidden ones too. */
const contents = (output: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(output).map((name) => [name, textSha256(readFileSync(join(output, name), "latin1"))]),
  );

test(
  "a run killed again and again ends with the bytes of one that never was",
  { timeout: 300_000 },
  async () => {
    const whole = join(folder, "whole");
    const { told, code } = await run(whole);
    expect(code).toBe(0);
    expect(told.filter((type) => type === "made")).toHaveLength(3);

    const broken = join(folder, "broken");
    let killed = 0;
    for (let killAfter = 1; killAfter < told.length; killAfter += 3) {
      if ((await run(broken, killAfter)).code === 0) break;
      killed++;
      // Whatever is listed can be read, and nothing that is half there is listed.
      const tensors = await openTensors(broken).catch(() => undefined);
      for (const sample of tensors?.samples ?? []) await tensors?.read(sample);
    }
    expect(killed).toBeGreaterThan(3);
    expect((await run(broken)).code).toBe(0);
    expect(contents(broken)).toEqual(contents(whole));
  },
);
