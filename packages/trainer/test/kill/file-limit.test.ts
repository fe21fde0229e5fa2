import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readCheckpoint } from "../../src/run/checkpoint.js";
import { bytesOf, events, scratch } from "../trained.js";
import { killOnce, trainWithFileLimit } from "./kill-once.js";
import { killRuns } from "./kill-run.js";

const { config, parts } = killRuns.toy;

// A real refusal of the system in the middle of a write, without a full disk: the adapter's file has 200 kB.
test.skipIf(process.platform === "win32")(
  "a checkpoint that cannot be written ends in one line, and the one before it stays whole",
  { timeout: 240_000 },
  async () => {
    const root = scratch();
    const run = join(root, "run");
    await killOnce("toy", run, { dawdle: { call: "renameSync", nth: 2 }, withinMs: 0 });
    const before = readdirSync(join(run, "checkpoints")).filter((name) => name.startsWith("step-"));
    expect(before.length).toBeGreaterThan(0);

    const { stderr, code } = await trainWithFileLimit("toy", run, 100);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /AceError: .*(adapter_model\.safetensors|state\.safetensors): could not be written: EFBIG/,
    );
    const names = readdirSync(join(run, "checkpoints"));
    expect(names).toEqual(before);
    for (const name of names) await readCheckpoint(join(run, "checkpoints", name));
    expect(readdirSync(run)).not.toContain("run.lock");

    await events(config(run), { resume: true }, parts());
    await events(config(join(root, "whole")), {}, parts());
    expect(bytesOf(join(run, "final"))).toEqual(bytesOf(join(root, "whole", "final")));
  },
);
