import { expect, test } from "vitest";
import { AdapterSettings } from "../../src/config/adapter-settings.js";
import { adapterConfigOf, targetModulesOf } from "../../src/plan/adapter-targets.js";

const targets = (changes: object) => targetModulesOf(AdapterSettings.parse({ kind: "lora", ...changes }), 4);

test.each<[string, object, string[]]>([
  ["the default", {}, ["q_proj", "k_proj", "v_proj", "o_proj"]],
  [
    "with the MLP",
    { targetModules: ["q_proj"], targetMlp: true },
    ["q_proj", "gate_proj", "up_proj", "down_proj"],
  ],
  [
    "self-attention only",
    { targetModules: ["q_proj", "v_proj"], attentionType: "self" },
    ["self_attn.q_proj", "self_attn.v_proj"],
  ],
  [
    "cross-attention and MLP",
    { targetModules: ["q_proj", "up_proj"], attentionType: "cross" },
    ["cross_attn.q_proj", "up_proj"],
  ],
  [
    "some layers",
    { targetModules: ["q_proj"], layers: "2-3,0", attentionType: "cross" },
    ["layers.0.cross_attn.q_proj", "layers.2.cross_attn.q_proj", "layers.3.cross_attn.q_proj"],
  ],
  [
    "a layer, both attentions and the MLP",
    { targetModules: ["q_proj", "down_proj"], layers: "1" },
    ["layers.1.self_attn.q_proj", "layers.1.cross_attn.q_proj", "layers.1.mlp.down_proj"],
  ],
  [
    "names given in full",
    { targetModules: ["layers.1.mlp.up_proj", "layers.*.k_proj"] },
    ["layers.1.mlp.up_proj", "layers.*.k_proj"],
  ],
])("targets of %s", (_what, changes, expected) => {
  expect(targets(changes)).toEqual(expected);
});

test("a layer the model has not, and layers with patterns, are refused", () => {
  expect(() => targets({ layers: "0-4" })).toThrow(
    "adapter.layers: 0-4 is not within the model's layers 0 to 3",
  );
  expect(() => targets({ layers: "2-1" })).toThrow(/2-1 is not within/);
  expect(() => targets({ layers: "1", targetModules: ["layers.*.q_proj"] })).toThrow(/cannot be combined/);
});

test("alpha is twice the rank where it was left open", () => {
  const config = (changes: object) => adapterConfigOf(AdapterSettings.parse({ kind: "lora", ...changes }), 4);
  expect(config({ rank: 8 })).toMatchObject({ rank: 8, alpha: 16 });
  expect(config({ rank: 8, alpha: 3 })).toMatchObject({ rank: 8, alpha: 3 });
});

test("each kind hands over its own settings and no others", () => {
  const keys = (kind: string) => Object.keys(adapterConfigOf(AdapterSettings.parse({ kind }), 4)).sort();
  expect(keys("dora")).toEqual(["alpha", "dropout", "kind", "rank", "rsLora", "targetModules"]);
  expect(keys("lokr")).toEqual(
    ["alpha", "decomposeBoth", "factor", "fullMatrix", "kind", "rank", "rankDropout", "rankDropoutScale", "targetModules", "weightDecompose"], // prettier-ignore
  );
  expect(keys("loha")).toEqual([
    "alpha",
    "kind",
    "rank",
    "rankDropout",
    "rankDropoutScale",
    "targetModules",
    "weightDecompose",
  ]);
});

const low = { weightDecompose: true, rankDropout: 0.25, rankDropoutScale: true };
test.each([
  { kind: "lora", rank: 3, alpha: 5, dropout: 0.5, rsLora: true },
  {
    kind: "dora",
    rank: 3,
    alpha: 5,
    dropout: 0.5,
    rsLora: true,
    rankPattern: { q_proj: 2 },
    alphaPattern: { q_proj: 7 },
  },
  { kind: "lokr", rank: 3, alpha: 5, factor: 4, decomposeBoth: true, fullMatrix: true, ...low },
  { kind: "loha", rank: 3, alpha: 5, ...low },
])("what is set of a $kind is handed over", (set) => {
  expect(adapterConfigOf(AdapterSettings.parse(set), 4)).toMatchObject(set);
});
