import { Command } from "commander";
import { expect, test } from "vitest";
import { z } from "zod";
import { expectation, fieldsOf } from "@acewright/trainer";
import { givenOptions, optionsFromSchema } from "../src/options-from-schema.js";

const common = {
  rank: z.number().int().min(1).default(64).describe("width of the update").meta({ flag: "rank" }),
};
const Schema = z.strictObject({
  learningRate: z.number().positive().default(1e-4).describe("peak learning rate"),
  steps: z.number().int().min(1).describe("optimizer steps"),
  resume: z.boolean().default(false).describe("go on from the last checkpoint"),
  recompute: z.enum(["none", "block"]).default("none").describe("what is recomputed"),
  buckets: z
    .strictObject({ tokens: z.number().int().min(1).default(64).describe("token bucket") })
    .prefault({}),
  adapter: z
    .discriminatedUnion("kind", [
      z.strictObject({
        kind: z.literal("lora"),
        ...common,
        dropout: z.number().min(0).lt(1).default(0).describe("dropout").meta({ flag: "dropout" }),
      }),
      z.strictObject({
        kind: z.literal("lokr"),
        ...common,
        factor: z.number().int().default(-1).describe("split").meta({ flag: "factor" }),
      }),
    ])
    .default({ kind: "lora", rank: 64, dropout: 0 })
    .describe("kind of adapter"),
  targetModules: z.array(z.string()).default(["q_proj", "v_proj"]).describe("linears it sits on"),
  rankPattern: z.record(z.string(), z.number().int().min(1)).optional().describe("rank by module"),
  length: z
    .union([z.number().min(1), z.literal("auto")])
    .default("auto")
    .describe("seconds"),
  interval: z
    .tuple([z.number().min(0), z.number().max(1)])
    .default([0, 1])
    .describe("from, to"),
  cap: z.number().nullable().default(null).describe("nullable number"),
});

function parse(...argv: string[]): Record<string, unknown> {
  const command = optionsFromSchema(new Command("x"), Schema)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  command.parse(argv, { from: "user" });
  return givenOptions(command, Schema);
}

test.each<[string[], Record<string, unknown>]>([
  [[], {}],
  [["--learning-rate", "3e-4"], { learningRate: 3e-4 }],
  [["--resume"], { resume: true }],
  [["--no-resume"], { resume: false }],
  [["--buckets-tokens", "32"], { buckets: { tokens: 32 } }],
  [["--adapter", "lokr", "--factor", "-1", "--rank=8"], { adapter: { kind: "lokr", factor: -1, rank: 8 } }],
  [["--rank", "8"], { adapter: { rank: 8 } }],
  [
    ["--target-modules", "q_proj,k_proj", "--target-modules", "mlp.up_proj"],
    { targetModules: ["q_proj", "k_proj", "mlp.up_proj"] },
  ],
  [["--rank-pattern", "layers.0.*=8,q_proj=4"], { rankPattern: { "layers.0.*": 8, q_proj: 4 } }],
  [["--cap", "2"], { cap: 2 }],
  [["--length", "auto"], { length: "auto" }],
  [["--length", "90"], { length: 90 }],
  [["--interval", "0.1,0.9"], { interval: [0.1, 0.9] }],
])("%j is read as %j", (argv, given) => {
  expect(parse(...argv)).toEqual(given);
});

test.each<[string[], RegExp]>([
  [["--rank", "0"], /--rank takes a whole number at least 1, got "0"/],
  [["--rank", "eight"], /got "eight"/],
  [["--rank", ""], /got ""/],
  [["--learning-rate", "0"], /a number above 0/],
  [["--recompute", "all"], /one of none, block/],
  [["--adapter", "lorra"], /one of lora, lokr/],
  [["--rank-pattern", "q_proj"], /NAME=VALUE/],
  [["--length", "0"], /takes a number at least 1 or "auto", got "0"/],
  [["--interval", "0.5,2"], /a number at most 1/],
  [["--rnk", "8"], /unknown option '--rnk'\s+\(Did you mean --rank\?\)/],
])("%j is refused", (argv, message) => {
  expect(() => parse(...argv)).toThrow(message);
});

test("the help tells default, range and the kinds a flag belongs to, from the schema alone", () => {
  const help = optionsFromSchema(new Command("x"), Schema)
    .configureHelp({ helpWidth: 500 })
    .helpInformation();
  expect(help).toMatch(/--learning-rate <n> +peak learning rate \(a number above 0; default 0.0001\)/);
  expect(help).toMatch(/--rank <n> +width of the update \(a whole number at least 1; default 64\)/);
  expect(help).toMatch(/--factor <n> +split \(lokr only; a whole number; default -1\)/);
  expect(help).toMatch(/--adapter <lora\|lokr> +kind of adapter \(default lora\)/);
  expect(help).toMatch(/--target-modules <a,b,...> +linears it sits on \(default q_proj,v_proj\)/);
});

test("two fields that want one flag are a mistake of ours, found at once", () => {
  const clash = z.object({ aB: z.string(), a: z.object({ b: z.string() }) });
  expect(() => fieldsOf(clash)).toThrow("two fields want the flag --a-b");
});

test("limits of safe integers are not shown", () => {
  expect(expectation({ type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER })).toBe(
    "a whole number at least 1",
  );
});
