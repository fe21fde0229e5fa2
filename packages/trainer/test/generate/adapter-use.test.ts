import { expect, test } from "vitest";
import { moduleScales, parseAdapterUse } from "../../src/generate/adapter-use.js";

test.each([
  ["runs/first", { path: "runs/first", scale: 1 }],
  ["runs/first:0.7", { path: "runs/first", scale: 0.7 }],
  ["C:\\adapters\\a.safetensors:-.5", { path: "C:\\adapters\\a.safetensors", scale: -0.5 }],
  ["C:\\adapters\\a", { path: "C:\\adapters\\a", scale: 1 }],
  ["a:0", { path: "a", scale: 0 }],
  ["a@0.2-1", { path: "a", scale: 1, from: 0.2, to: 1 }],
  [
    "a:2,self_attn=0.5,layers.12-23=0@0-0.5",
    {
      path: "a",
      scale: 2,
      groups: [
        { group: "self_attn", scale: 0.5 },
        { group: "layers.12-23", scale: 0 },
      ],
      from: 0,
      to: 0.5,
    },
  ],
  ["folder@home:0.5", { path: "folder@home", scale: 0.5 }],
])("%s is read as it is meant", (text, use) => {
  expect(parseAdapterUse(text)).toEqual(use);
});

test.each([
  ["a@0.5-0.2", /expected a part of the way within 0 to 1/],
  ["a@0-2", /got 0-2/],
  ["", /expected PATH/],
  [":0.5", /expected PATH/],
])("%j is refused", (text, message) => {
  expect(() => parseAdapterUse(text)).toThrow(message);
});

const modules = [0, 1, 2, 12].flatMap((layer) =>
  ["self_attn.q_proj", "cross_attn.q_proj", "mlp.up_proj"].map((part) => `layers.${layer}.${part}`),
);
const scalesOf = (text: string) => moduleScales(parseAdapterUse(text), modules);

test("groups multiply what they name, by kind, by range of layers and by both", () => {
  expect(scalesOf("a:3")).toBeUndefined();
  expect(scalesOf("a:3,self_attn=0.5")).toEqual([0.5, 1, 1, 0.5, 1, 1, 0.5, 1, 1, 0.5, 1, 1]);
  expect(scalesOf("a:1,layers.1-2=0")).toEqual([1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1]);
  expect(scalesOf("a:1,layers.1=0")).toEqual([1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
  expect(scalesOf("a:1,layers.2-12.mlp=2,mlp=3")).toEqual([1, 1, 3, 1, 1, 3, 1, 1, 6, 1, 1, 6]);
});

test("a group that names nothing is refused with what there is", () => {
  expect(() => scalesOf("a:1,self_atn=0")).toThrow(
    'adapter a: "self_atn" names none of its 12 modules; they lie in cross_attn, layers, mlp, q_proj, self_attn, up_proj',
  );
  expect(() => scalesOf("a:1,layers.3-11=0")).toThrow(/names none/);
});
