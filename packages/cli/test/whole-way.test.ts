import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { toyFolders } from "../src/models/toy.js";
import { acewright, startAcewright, type Acewright } from "./acewright-process.js";

let folder: string;
const training =
  "--adapter lora --rank 4 --dropout 0 --learning-rate 2e-3 --crop-frames 64 --batch-size 3 --gradient-accumulation 1";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-way-"));
  cpSync(toyFolders().checkpoints, join(folder, "checkpoints"), { recursive: true });
  cpSync(toyFolders().songs, join(folder, "songs"), { recursive: true });
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function way(line: string) {
  return acewright(line.split(" "), { cwd: folder });
}

function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test(
  "a folder of songs becomes an adapter and a song, and the same command again does nothing twice",
  { timeout: 180_000 },
  async () => {
    const line = `run songs -o out -m checkpoints --trigger bells --max-steps 40 --epochs 1000 --validation-every 20 --preset auto --json ${training}`;
    const first = await way(line);
    expect(first.err).toBe("");
    expect(first.code).toBe(0);
    const events = jsonLines(first.out);
    const result = events.at(-1) as {
      type: string;
      song: string;
      adapter: string;
      heldOut: { before: number; after: number };
    };
    expect(result.type).toBe("result");
    expect(result.heldOut.after).toBeLessThan(result.heldOut.before * 0.95);
    expect(events.filter(({ type }) => type === "step")).toHaveLength(40);
    expect(readFileSync(result.song).subarray(0, 4).toString()).toBe("RIFF");
    expect(existsSync(join(result.adapter, "adapter_model.safetensors"))).toBe(true);

    const again = await way(line);
    expect(again.code).toBe(0);
    const repeated = jsonLines(again.out);
    expect(repeated.filter(({ type }) => type === "made")).toHaveLength(0);
    expect(repeated.filter(({ type }) => type === "step")).toHaveLength(0);
  },
);

test(
  "plan, train, export and generate work step by step on those tensors",
  { timeout: 180_000 },
  async () => {
    const plan = await way(`plan out/tensors -m checkpoints --max-steps 6 --epochs 100 --json ${training}`);
    expect(plan.code).toBe(0);
    const planned = JSON.parse(plan.out) as { steps: number; memory: { totalBytes: number } };
    expect(planned.steps).toBe(6);
    expect(planned.memory.totalBytes).toBeGreaterThan(1e6);

    const ranked = {
      version: 2,
      rank_pattern: { "layers.0.self_attn.q_proj": 3, "layers.5.mlp.up_proj": 20 },
    };
    writeFileSync(join(folder, "out/tensors/fisher_map.json"), JSON.stringify(ranked));
    const measured = await way(
      "plan out/tensors -m checkpoints --epochs 2 --crop-frames 64 --measure --plain",
    );
    expect(measured).toMatchObject({ code: 0 });
    expect(measured.out).toMatch(/^time {2,}about \d.* \(\d.* step.*, measured\)$/m);
    expect(measured.out).toMatch(
      /^adapter {2,}lora, ranks 3 to 20 for 2 modules or patterns, learning rate /m,
    );
    expect(measured.err).toContain("fisher_map.json: 2 modules with ranks 3 to 20");
    rmSync(join(folder, "out/tensors/fisher_map.json"));

    const train = await way(
      "train out/tensors -o kr -m checkpoints --adapter lokr --rank 4 --max-steps 3 --crop-frames 64 --plain",
    );
    expect(train).toMatchObject({ code: 0, out: "" });

    const exported = await way("export kr -f lycoris -o kr.safetensors --json");
    expect(exported.code).toBe(0);
    const report = JSON.parse(exported.out) as {
      loaded: { matched: string[]; missing: string[]; unexpected: string[] };
    };
    expect(report.loaded.matched.length).toBeGreaterThan(0);
    expect([...report.loaded.missing, ...report.loaded.unexpected]).toEqual([]);

    const wrong = await way("export kr -f peft -o kr-peft");
    expect(wrong.code).toBe(2);
    expect(existsSync(join(folder, "kr-peft"))).toBe(false);

    const song = await way(
      "generate -m checkpoints -a kr.safetensors:0.5 -a out/run --caption bells --duration 2 -o song.wav --json",
    );
    expect(song.code).toBe(0);
    expect(JSON.parse(song.out)).toMatchObject({ durationS: 2, adapters: [{ scale: 0.5 }, { scale: 1 }] });
  },
);

const longer = `train out/tensors -m checkpoints --max-steps 60 --epochs 1000 --save-every-epochs 1000 ${training}`;

function weights(run: string): Buffer {
  return readFileSync(join(folder, run, "final/adapter_model.safetensors"));
}

test(
  "Ctrl-C saves, ends with 130, and --resume goes on to the same adapter",
  { timeout: 180_000 },
  async () => {
    const whole = await way(`${longer} -o whole --plain`);
    expect(whole.code).toBe(0);

    const cut = startAcewright(`${longer} -o cut --json`.split(" "), { cwd: folder });
    await cut.saw('"step":5,');
    cut.kill("SIGINT");
    const { code, out, err } = await cut.ended;
    expect(code).toBe(130);
    expect(err).toBe("");
    expect(jsonLines(out).at(-1)).toMatchObject({
      type: "interrupted",
      checkpoint: expect.any(String) as string,
    });
    expect(existsSync(join(folder, "cut/final"))).toBe(false);

    const resumed = await way("train --resume cut --plain");
    expect(resumed.code).toBe(0);
    expect(weights("cut").equals(weights("whole"))).toBe(true);
  },
);

test(
  "Ctrl-C ends preprocessing with 130, and the same command goes on where it was",
  { timeout: 120_000 },
  async () => {
    expect((await way("dataset scan songs -o cut.json --plain")).code).toBe(0);
    const line = "preprocess cut.json -o cut-tensors -m checkpoints --device cpu --variants pitch=1 --json";
    const cut = startAcewright(line.split(" "), { cwd: folder });
    // Two of six pieces are encoded by then.
    await cut.saw('"songsDone":2,');
    cut.kill("SIGINT");
    const { code, out } = await cut.ended;
    expect(code).toBe(130);
    expect(jsonLines(out).filter(({ type }) => type === "done")).toEqual([]);
    expect(existsSync(join(folder, "cut-tensors/manifest.json"))).toBe(false);
    expect(
      readdirSync(join(folder, "cut-tensors/.parts")).filter((name) => !name.endsWith(".safetensors")),
    ).toEqual([]);

    const resumed = await way(line);
    expect(resumed.code).toBe(0);
    const events = jsonLines(resumed.out);
    const encoded = events.find(({ type, phase }) => type === "phase" && phase === "latents");
    expect(Number(encoded?.["songs"] ?? 0)).toBeLessThanOrEqual(4);
    expect(events.find(({ type }) => type === "done")).toMatchObject({ made: 6, failed: 0 });
  },
);

test.each<[string, number, (training: Acewright) => void]>([
  [
    "a polite kill",
    130,
    (process) => {
      process.kill("SIGTERM");
    },
  ],
  [
    "a closed terminal, which hangs up more than once,",
    130,
    (process) => {
      process.kill("SIGHUP");
      process.kill("SIGHUP");
      process.kill("SIGHUP");
    },
  ],
  [
    "a reader that goes away",
    0,
    (process) => {
      process.stopReading();
    },
  ],
])("%s leaves a checkpoint to go on from", { timeout: 120_000 }, async (what, code, stop) => {
  const run = what.replaceAll(" ", "-");
  const cut = startAcewright(`${longer} -o ${run} --json`.split(" "), { cwd: folder });
  await cut.saw('"step":5,');
  stop(cut);
  expect((await cut.ended).code).toBe(code);
  expect(readdirSync(join(folder, run, "checkpoints"))).toHaveLength(1);
  expect(existsSync(join(folder, run, "run.lock"))).toBe(false);
  expect((await way(`train -o ${run} --resume --plain`)).code).toBe(0);
  expect(weights(run).equals(weights("whole"))).toBe(true);
});

test("a run that is there is not overwritten", { timeout: 60_000 }, async () => {
  const { code, err } = await way(`train out/tensors -o whole -m checkpoints ${training}`);
  expect(code).toBe(2);
  expect(err).toMatch(/already holds a run/);
});
