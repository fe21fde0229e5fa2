import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fromFloat32, readSafetensors, writeSafetensors } from "@acewright/core-native";
import { beforeAll, afterAll, expect, test } from "vitest";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import type { TrainConfigInput } from "../../src/config/train-config.js";
import { inspectAdapter } from "../../src/adapters/inspect-adapter.js";
import { exportAdapter } from "../../src/export/export-adapter.js";
import { findAdapter } from "../../src/export/find-adapter.js";
import { toyModel, toyParts, toyRun } from "../toy.js";
import { events, scratch } from "../trained.js";

let runs: string;
const run = (kind: string) => join(runs, kind);

beforeAll(async () => {
  runs = mkdtempSync(join(tmpdir(), "acewright-export-"));
  const adapters: NonNullable<TrainConfigInput["adapter"]>[] = [
    { kind: "lora", rank: 4, rankPattern: { "cross_attn.q_proj": 2 } },
    { kind: "dora", rank: 4, targetMlp: true },
    { kind: "lokr", rank: 2, decomposeBoth: true, factor: 4 },
    { kind: "loha", rank: 2, weightDecompose: true },
  ];
  for (const adapter of adapters) {
    const config = toyRun(run(adapter.kind), {
      adapter,
      maxSteps: 2,
      saveEverySteps: 1,
      validationEvery: 1,
      trigger: "bells",
    });
    await events(config, {}, toyParts());
  }
}, 120_000);

afterAll(() => {
  rmSync(runs, { recursive: true });
});

test.each([
  ["lora", "peft", 48, ["adapter_model.safetensors", "adapter_config.json", "README.md"]],
  ["dora", "peft", 66, ["adapter_model.safetensors", "adapter_config.json", "README.md"]],
  ["lokr", "lycoris", 48, ["lokr_weights.safetensors", "README.md"]],
  ["loha", "lycoris", 48, ["loha_weights.safetensors", "README.md"]],
] as const)("%s goes out as %s and loads again tensor by tensor", async (kind, format, modules, names) => {
  const output = join(scratch(), "exported");
  const report = await exportAdapter(run(kind), { format, output });
  expect(report.files.map((file) => basename(file))).toEqual(names);
  expect(report).toMatchObject({
    format,
    modules,
    metadata: { trigger: "bells", base_model: "acestep-v15-toy" },
  });
  expect(report.loaded).toMatchObject({ missing: [], unexpected: [], model: toyModel });
  expect(report.loaded?.matched).toHaveLength(
    Object.keys(readSafetensors(report.files[0] ?? "").tensors).length,
  );
  expect(readFileSync(report.files[0] ?? "")).toEqual(readFileSync(report.source));
});

test("a LyCORIS file may be named, and a PEFT folder stands alone without its run", async () => {
  const root = scratch();
  const file = join(root, "bells.safetensors");
  expect((await exportAdapter(run("lokr"), { format: "lycoris", output: file })).files).toEqual([file]);
  const again = await exportAdapter(file, {
    format: "lycoris",
    output: join(root, "again"),
    model: toyModel,
  });
  expect(again.loaded?.missing).toEqual([]);
  const folder = await exportAdapter(run("lora"), { format: "peft", output: join(root, "peft") });
  expect(folder.loaded).toBeDefined();
  const alone = await exportAdapter(join(root, "peft"), { format: "peft", output: join(root, "copy") });
  expect(alone.loaded).toBeUndefined();
});

test("the best adapter and a checkpoint's can be asked for; what is not there is told with what is", async () => {
  const root = scratch();
  const best = await exportAdapter(run("lora"), {
    format: "peft",
    output: join(root, "best"),
    which: "best",
    check: false,
  });
  expect(best.source).toContain(join("lora", "best"));
  const step = await exportAdapter(run("lora"), {
    format: "peft",
    output: join(root, "one"),
    which: 1,
    check: false,
  });
  expect(step.source).toContain("step-00000001");
  await expect(
    exportAdapter(run("lora"), { format: "peft", output: join(root, "x"), which: 9 }),
  ).rejects.toThrow(/lora: has no step 9 adapter; it has final, best, checkpoints of step 1, 2$/);
});

test("the official trainer's folder with adapter inside is found", async () => {
  const root = scratch();
  await exportAdapter(run("lora"), { format: "peft", output: join(root, "adapter"), check: false });
  const report = await exportAdapter(root, { format: "peft", output: join(root, "out"), model: toyModel });
  expect(report.loaded?.unexpected).toEqual([]);
});

test("a folder of the official trainer, checkpoints beside final/adapter, is found too", async () => {
  const root = scratch();
  mkdirSync(join(root, "checkpoints"));
  const final = join(root, "final", "adapter");
  await exportAdapter(run("lora"), { format: "peft", output: final, check: false });
  expect(findAdapter(root).weights).toBe(join(final, "adapter_model.safetensors"));
});

test.each(["comfyui", "diffusers", "bare"] as const)(
  "the folder of a %s export is an adapter: inspected and exported again by its name",
  async (format) => {
    const root = scratch();
    const folder = join(root, format);
    await exportAdapter(run("lora"), { format, output: folder, check: false });
    expect(inspectAdapter(folder).modules).toHaveLength(inspectAdapter(run("lora")).modules.length);
    const back = await exportAdapter(folder, { format: "peft", output: join(root, "peft"), model: toyModel });
    expect(back.loaded).toMatchObject({ missing: [], unexpected: [] });
  },
);

test("of a folder with several files of weights one must be named; a model's folder is no adapter", async () => {
  const root = scratch();
  for (const format of ["comfyui", "bare"] as const)
    await exportAdapter(run("lora"), { format, output: join(root, `${format}.safetensors`), check: false });
  expect(() => findAdapter(root)).toThrow(
    /holds no adapter; .*; name one of its files: bare\.safetensors, comfyui\.safetensors$/,
  );
  expect(() => findAdapter(toyModel)).toThrow(/holds no adapter/);
});

test("the wrong format is refused with the right one", async () => {
  const output = join(scratch(), "out");
  await expect(exportAdapter(run("lora"), { format: "lycoris", output })).rejects.toThrow(
    /is a LoRA or DoRA adapter, which lycoris has no names for; export it as peft/,
  );
  await expect(exportAdapter(run("loha"), { format: "peft", output })).rejects.toThrow(
    /export it as lycoris/,
  );
  expect(existsSync(output)).toBe(false);
});

test("nothing is overwritten", async () => {
  const output = scratch();
  writeFileSync(join(output, "mine.txt"), "mine");
  await expect(exportAdapter(run("lora"), { format: "peft", output })).rejects.toThrow(
    /already holds "mine\.txt"; choose a new folder, nothing is overwritten/,
  );
});

test("names a loader would pass over are refused", async () => {
  const root = scratch();
  const file = join(root, "odd.safetensors");
  writeSafetensors(file, {
    "lycoris_layers_0_self_attn_q_proj.lokr_w3": fromFloat32(new Float32Array(1), [1]),
  });
  await expect(exportAdapter(file, { format: "lycoris", output: join(root, "out") })).rejects.toThrow(
    /1 of 1 tensors have names that lycoris loaders pass over, the first is lycoris_layers_0_self_attn_q_proj\.lokr_w3/,
  );
  writeSafetensors(file, { "decoder.weight": fromFloat32(new Float32Array(1), [1]) });
  await expect(exportAdapter(file, { format: "lycoris", output: join(root, "out") })).rejects.toThrow(
    /holds no adapter/,
  );
});

test("a PEFT folder without its settings, an empty folder and a missing one are refused", async () => {
  const root = scratch();
  await exportAdapter(run("lora"), { format: "peft", output: join(root, "a"), check: false });
  renameSync(join(root, "a", "adapter_config.json"), join(root, "elsewhere.json"));
  const output = join(root, "out");
  await expect(exportAdapter(join(root, "a"), { format: "peft", output })).rejects.toThrow(
    /lacks adapter_config\.json/,
  );
  mkdirSync(join(root, "empty"));
  await expect(exportAdapter(join(root, "empty"), { format: "peft", output })).rejects.toThrow(
    /holds no adapter; looked for adapter_model\.safetensors/,
  );
  await expect(exportAdapter(join(root, "none"), { format: "peft", output })).rejects.toThrow(
    /none: does not exist/,
  );
});

test("what a file's header says of its own layout is not carried into another", async () => {
  const root = scratch();
  const peft = join(run("lora"), "final");
  const { tensors, metadata } = readSafetensors(join(peft, "adapter_model.safetensors"));
  const said = readFileSync(join(peft, "adapter_config.json"), "utf8");
  const single = join(root, "single.safetensors");
  writeSafetensors(single, tensors, { ...metadata, lora_adapter_metadata: said, dora_norm: "weight" });
  const output = join(root, "comfyui.safetensors");
  await exportAdapter(single, { format: "comfyui", output, check: false });
  const written = readSafetensors(output).metadata;
  expect(written).toMatchObject({ trigger: "bells", format: "pt" });
  expect(Object.keys(written)).not.toContain("lora_adapter_metadata");
  expect(Object.keys(written)).not.toContain("dora_norm");
});
