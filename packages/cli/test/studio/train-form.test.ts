import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  fieldsOf,
  GenerateSettings,
  parseConfig,
  presets,
  settingGroups,
  TrainConfig,
} from "@acewright/trainer";
import { expect, test } from "vitest";
import { kindWords } from "../../dist/page/train/adapter-kinds.js";
import { formFields } from "../../dist/studio/form/form-fields.js";
import { readTexts, textsOf } from "../../dist/studio/form/read-texts.js";
import { omitted } from "../../dist/studio/training/train-choices.js";
import type { TrainForm } from "../../dist/studio/train-api.js";
import { newFolder, openBrowser } from "./open.js";

const places = { tensors: ".", model: ".", output: "." };
const read = (texts: Record<string, string>) =>
  readTexts(TrainConfig, texts, { beside: places, omit: omitted });

test("every setting of the schema is a field of one group, with its own words", async () => {
  const { get } = await openBrowser(newFolder());
  const { groups, presets: listed } = (await get("train/form")) as TrainForm;
  expect(groups.map(({ title }) => title)).toEqual(settingGroups.map(({ title }) => title));
  const shown = groups.flatMap(({ fields }) => fields.map(({ path }) => path));
  const known = fieldsOf(TrainConfig, { omit: omitted }).map(({ path }) => path.join("."));
  expect([...shown].sort()).toEqual([...known].sort());
  const rank = groups.flatMap(({ fields }) => fields).find(({ path }) => path === "adapter.rank");
  expect(rank).toMatchObject({ label: "rank", kindPath: "adapter.kind" });
  expect(rank?.facts["loha"]).toEqual({
    help: "Rank of the adapter's factors",
    control: "number",
    choices: [],
    expects: "a whole number from 1 to 4096",
    fallback: "64",
  });
  expect(Object.keys(rank?.facts ?? {})).toEqual(["lora", "dora", "lokr", "loha"]);
  expect(listed.map(({ name }) => name)).toEqual(Object.keys(presets));
});

test("each kind of value has its control, and a unit where its label does not say it", () => {
  const fields = formFields(TrainConfig, { omit: omitted });
  const control = (path: string) =>
    Object.values(fields.find((field) => field.path === path)?.facts ?? {})[0];
  expect(control("adapter.kind")).toMatchObject({
    control: "choice",
    choices: ["lora", "dora", "lokr", "loha"],
  });
  expect(control("adapter.targetMlp")?.control).toBe("switch");
  expect(control("adapter.targetModules")).toMatchObject({
    control: "text",
    fallback: "q_proj,k_proj,v_proj,o_proj",
  });
  expect(control("device")).toMatchObject({ control: "text", choices: ["auto", "cpu", "cuda"] });
  const song = formFields(GenerateSettings);
  expect(
    song.filter(({ unit }) => unit !== undefined).map(({ path, label, unit }) => [path, label, unit]),
  ).toEqual([["durationS", "duration", "s"]]);
});

test("texts are read as flags are: what they come to is the same configuration", () => {
  const texts = {
    "adapter.kind": "lokr",
    "adapter.factor": "-1",
    "adapter.rank": "8",
    "adapter.decomposeBoth": "true",
    "adapter.targetModules": "q_proj,cross_attn.k_proj",
    "adapter.rankPattern": "q_proj=4,mlp=2",
    learningRate: "1e-3",
    "optimizer.kind": "prodigy",
    "optimizer.beta3": "0.9",
    trigger: "my, style",
    device: "cpu",
    epochs: "100",
    cropSeconds: "",
  };
  const { values, problems } = read(texts);
  expect(problems).toEqual([]);
  expect(values).toEqual({
    adapter: {
      kind: "lokr",
      rank: 8,
      decomposeBoth: true,
      targetModules: ["q_proj", "cross_attn.k_proj"],
      rankPattern: { q_proj: 4, mlp: 2 },
    },
    learningRate: 1e-3,
    optimizer: { kind: "prodigy", beta3: 0.9 },
    trigger: "my, style",
    device: "cpu",
  });
  expect(() => parseConfig({ ...places, ...values })).not.toThrow();
  expect(read(textsOf(TrainConfig, values, { omit: omitted })).values).toEqual(values);
});

test("a setting of another kind is no part of what is trained", () => {
  expect(read({ "adapter.kind": "loha", "adapter.dropout": "0.2", "adapter.factor": "4" })).toEqual({
    values: { adapter: { kind: "loha" } },
    problems: [],
  });
});

test.each<[Record<string, string>, string, RegExp]>([
  [{ "adapter.rank": "0" }, "adapter.rank", /expected a whole number from 1 to 4096, got 0/],
  [{ "adapter.rank": "many" }, "adapter.rank", /expected a whole number from 1 to 4096, got "many"/],
  [{ epochs: "1.5" }, "epochs", /expected a whole number from 1 to 1000000, got 1.5/],
  [{ "adapter.kind": "qlora" }, "adapter.kind", /expected one of lora, dora, lokr, loha, got "qlora"/],
  [{ "adapter.layers": "first" }, "adapter.layers", /expected numbers and ranges such as "0-11,23"/],
  [{ "adapter.rankPattern": "q_proj" }, "adapter.rankPattern", /expected names, each with/],
  [{ "adapter.targetMlp": "maybe" }, "adapter.targetMlp", /expected true or false/],
  [{ timestepTable: "0.5,many" }, "timestepTable", /expected a number/],
  [{ cropSeconds: "5", cropFrames: "10" }, "cropFrames", /keep one of the two/],
  [{ loraPlusRatio: "2", "adapter.kind": "lokr" }, "loraPlusRatio", /belongs to adapters lora and dora/],
  [{ device: "gpu" }, "device", /expected one of auto, cpu, cuda or cuda:N/],
])("%j is refused at its field, in the schema's words", (texts, path, words) => {
  const { problems } = read(texts);
  expect(problems.map((problem) => problem.path)).toEqual([path]);
  expect(problems[0]?.text).toMatch(words);
});

test("a setting that is none is refused by name", () => {
  expect(() => read({ ranke: "3" })).toThrow(/settings.ranke: there is no such setting/);
  expect(() => read({ tensors: "elsewhere" })).toThrow(/settings.tensors/);
  expect(() => read({ trigger: "a\0b" })).toThrow(/settings.trigger: holds a NUL/);
});

test("presets of the workspace are listed as one's own; one that is broken is named", async () => {
  const folder = newFolder();
  mkdirSync(join(folder, "presets"));
  writeFileSync(join(folder, "presets/mine.json"), '{"description": "soft", "config": {"epochs": 7}}');
  writeFileSync(join(folder, "presets/broken.json"), "{");
  const { get } = await openBrowser(folder);
  const { presets: listed, unreadable } = (await get("train/form")) as TrainForm;
  expect(listed[0]).toEqual({ name: "mine", description: "soft", own: true });
  expect(unreadable).toEqual([expect.stringContaining("broken.json")]);
  expect(await get("train/basis?preset=mine")).toEqual({ settings: { epochs: "7" } });
  expect(await get("train/basis?preset=none")).toMatchObject({ error: { code: "ERR_CONFIG" } });
});

test("every kind of adapter has a line on when to choose it", () => {
  const kind = formFields(TrainConfig).find(({ path }) => path === "adapter.kind");
  const choices = kind?.facts[""]?.choices ?? [];
  expect(choices).toHaveLength(4);
  for (const choice of choices) expect(kindWords(choice), choice).toBeDefined();
});
