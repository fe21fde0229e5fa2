import { AceError } from "@acewright/core-native";
import { expect, test } from "vitest";
import { TrainConfig } from "../../src/config/train-config.js";
import { configFields, trainConfigSchema } from "../../src/config/config-fields.js";
import type { PlainNode } from "../../src/schema/node.js";
import { parseConfig } from "../../src/config/parse-config.js";

const needed = { tensors: "songs", model: "turbo", output: "run" };

function messageOf(input: unknown): string {
  try {
    parseConfig(input, "train.json");
  } catch (error) {
    expect(error).toBeInstanceOf(AceError);
    expect((error as AceError).code).toBe("ERR_CONFIG");
    return (error as AceError).message;
  }
  throw new Error("was accepted");
}

test("three folders are enough", () => {
  expect(parseConfig(needed)).toMatchObject({
    learningRate: 1e-4,
    epochs: 100,
    batchSize: 1,
    gradientAccumulation: 4,
    conditionDropout: 0.15,
    adapter: {
      kind: "lora",
      rank: 64,
      dropout: 0.1,
      targetModules: ["q_proj", "k_proj", "v_proj", "o_proj"],
    },
    optimizer: { kind: "adamw", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
    seed: 42,
  });
});

test("what was parsed parses again to the same", () => {
  const config = parseConfig({ ...needed, adapter: { kind: "lokr", factor: 8 }, cropSeconds: 30 });
  expect(parseConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
});

test.each<[string, object, string | RegExp]>([
  ["a misspelt key", { learnigRate: 1 }, "train.json: unknown key learnigRate, did you mean learningRate?"],
  [
    "a key in another spelling",
    { "batch-size": 1 },
    "train.json: unknown key batch-size, did you mean batchSize?",
  ],
  ["a key one level too high", { rank: 4 }, "train.json: unknown key rank, did you mean adapter.rank?"],
  [
    "a key of another adapter",
    { adapter: { kind: "lora", factor: 4 } },
    'train.json: adapter.factor belongs to lokr, but adapter.kind is "lora"',
  ],
  [
    "an unknown key that resembles nothing",
    { zzzzzzzzzzz: 1 },
    /^train\.json: unknown key zzzzzzzzzzz; known here: tensors, model/,
  ],
  [
    "a value out of range",
    { conditionDropout: 1.5 },
    "train.json: conditionDropout: expected a number from 0 to 1, got 1.5",
  ],
  [
    "an open bound",
    { learningRate: 0 },
    "train.json: learningRate: expected a number above 0 and at most 100, got 0",
  ],
  [
    "a rank out of range",
    { adapter: { kind: "dora", rank: 0 } },
    "train.json: adapter.rank: expected a whole number from 1 to 4096, got 0",
  ],
  ["a fraction", { epochs: 1.5 }, "train.json: epochs: expected a whole number from 1 to 1000000, got 1.5"],
  ["a text for a number", { seed: "7" }, 'train.json: seed: expected a whole number at least 0, got "7"'],
  ["not a number", { learningRate: NaN }, /learningRate: expected a number .* got NaN/],
  [
    "an unknown adapter",
    { adapter: { kind: "oft" } },
    'train.json: adapter.kind: expected one of lora, dora, lokr, loha, got "oft"',
  ],
  [
    "an unknown choice",
    { schedule: "cosin" },
    'train.json: schedule: expected one of cosine, cosine-restarts, linear, polynomial, constant, custom, got "cosin"',
  ],
  [
    "an unknown device",
    { device: "gpu" },
    'train.json: device: expected one of auto, cpu, cuda or cuda:N, got "gpu"',
  ],
  ["a missing folder", { model: undefined }, "train.json: model is missing, expected a text"],
  [
    "two crops",
    { cropFrames: 100, cropSeconds: 4 },
    "train.json: cropFrames cannot be given together with cropSeconds; keep one of the two",
  ],
  [
    "a number of another law",
    { timesteps: "uniform", timestepMu: 0 },
    "train.json: timestepMu belongs to timesteps logit-normal-max2 and logit-normal, but timesteps is uniform",
  ],
  [
    "an empty range",
    { timesteps: "uniform", timestepLow: 0.5, timestepHigh: 0.5 },
    "train.json: timestepLow must be below timestepHigh (0.5)",
  ],
  [
    "two ways that exclude each other",
    { adapter: { kind: "loha", rankDropout: 0.1, weightDecompose: true } },
    "train.json: adapter.rankDropout cannot be combined with adapter.weightDecompose; choose one",
  ],
  [
    "a wrong layer list",
    { adapter: { kind: "lora", layers: "3-" } },
    /adapter\.layers: expected numbers and ranges such as "0-11,23", got "3-"/,
  ],
  [
    "a wrong entry of a list",
    { timesteps: "discrete", timestepTable: [0.5, 2] },
    "train.json: timestepTable.1: expected a number above 0 and at most 1, got 2",
  ],
  [
    "a wrong entry of a pattern",
    { adapter: { kind: "lora", rankPattern: { q_proj: 0 } } },
    "train.json: adapter.rankPattern.q_proj: expected a whole number from 1 to 4096, got 0",
  ],
])("%s is refused in words", (_what, changes, message) => {
  expect(messageOf({ ...needed, ...changes })).toMatch(message);
});

test("several mistakes are told together", () => {
  expect(messageOf({ ...needed, epochs: 0, bachSize: 2 })).toBe(
    "train.json: epochs: expected a whole number from 1 to 1000000, got 0; unknown key bachSize, did you mean batchSize?",
  );
});

test("what is no object is refused", () => {
  expect(messageOf(null)).toBe("train.json: it: expected an object, got null");
  expect(messageOf([])).toBe("train.json: it: expected an object, got []");
});

test("every field has a description, and numbers have both bounds", () => {
  const without: string[] = [];
  for (const { path, node: schema } of configFields()) {
    const name = path.join(".");
    if (schema.description === undefined) without.push(`${name}: description`);
    const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = schema;
    if (schema.type !== "number" && schema.type !== "integer") continue;
    if (minimum === undefined && exclusiveMinimum === undefined) without.push(`${name}: lower bound`);
    if (maximum === undefined && exclusiveMaximum === undefined) without.push(`${name}: upper bound`);
  }
  expect(without).toEqual([]);
});

test("only the three folders must be given", () => {
  const required = configFields().filter((field) => field.required);
  expect(required.map(({ path }) => path.join("."))).toEqual(["tensors", "model", "output"]);
});

test("flags are unique and spelt alike", () => {
  const flags = configFields().map(({ name }) => name);
  expect(new Set(flags).size).toBe(flags.length);
  for (const flag of flags) expect(flag).toMatch(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
});

test("fields of an adapter know which kinds have them", () => {
  const field = (name: string) => configFields().find(({ path }) => path.join(".") === `adapter.${name}`);
  const kinds = (name: string) => field(name)?.members.map(({ tag }) => tag);
  expect(kinds("rank")).toEqual(["lora", "dora", "lokr", "loha"]);
  expect(kinds("factor")).toEqual(["lokr"]);
  expect(field("kind")?.node.enum).toEqual(["lora", "dora", "lokr", "loha"]);
  expect(field("kind")?.node.default).toBe("lora");
});

test.each([
  ["adamw", 1e-4],
  ["adamw8bit", 1e-4],
  ["adafactor", 1e-4],
  ["prodigy", 1],
  ["lion", 2e-5],
  ["schedulefree", 2.5e-4],
  ["muon", 1e-4],
])("%s begins with its own learning rate unless one is set", (kind, rate) => {
  expect(parseConfig({ ...needed, optimizer: { kind } }).learningRate).toBe(rate);
  expect(parseConfig({ ...needed, optimizer: { kind }, learningRate: 0.5 }).learningRate).toBe(0.5);
});

test("an optimizer without a kind is AdamW, and each kind knows only its own fields", () => {
  expect(parseConfig({ ...needed, optimizer: { beta1: 0.5 } }).optimizer).toMatchObject({
    kind: "adamw",
    beta1: 0.5,
  });
  expect(messageOf({ ...needed, optimizer: { momentum: 0.5 } })).toMatch(
    /optimizer\.momentum belongs to muon/,
  );
  expect(messageOf({ ...needed, optimizer: { kind: "sgd" } })).toMatch(
    /optimizer\.kind: expected one of adamw, adamw8bit, adafactor, prodigy, lion, schedulefree, muon, got "sgd"/,
  );
  expect(messageOf({ ...needed, adapter: { kind: "loha" }, loraPlusRatio: 4 })).toMatch(
    /loraPlusRatio belongs to/,
  );
});

test("bounds of the JSON schema are those the parser holds", () => {
  const at = (path: readonly string[], value: unknown) =>
    path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Record<string, unknown>;
  const accepts = (path: readonly string[], kind: string | undefined, value: number) => {
    const one = at(path, value);
    const [group = ""] = path;
    if (kind !== undefined) one[group] = { ...(one[group] as object), kind };
    const timesteps = { timestepLow: "uniform", timestepHigh: "uniform", timestepTable: "discrete" }[group];
    return TrainConfig.safeParse({ ...needed, ...(timesteps && { timesteps }), ...one }).success;
  };
  const outside = ({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: PlainNode) => [
    exclusiveMinimum ?? (minimum ?? 0) - 1,
    exclusiveMaximum ?? (maximum ?? 0) + 1,
  ];
  let checked = 0;
  for (const { path, node: schema, members } of configFields()) {
    const kinds = members.map(({ tag }) => tag);
    if (schema.type !== "integer" && schema.type !== "number") continue;
    for (const value of outside(schema))
      expect(accepts(path, kinds[0], value), `${path.join(".")} ${value}`).toBe(false);
    if (schema.minimum !== undefined && path[0] !== "timestepHigh")
      expect(accepts(path, kinds[0], schema.minimum), path.join(".")).toBe(true);
    checked++;
  }
  expect(checked).toBeGreaterThan(30);
});

test("the JSON schema refuses unknown keys as the parser does", () => {
  expect(trainConfigSchema()).toMatchObject({ type: "object", additionalProperties: false });
});
