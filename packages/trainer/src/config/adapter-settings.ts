import * as z from "zod";

/** The four attention projections: what an adapter sits on unless told otherwise. */
export const attentionProjections = ["q_proj", "k_proj", "v_proj", "o_proj"] as const;
/** The three projections of the SwiGLU block. */
export const mlpProjections = ["gate_proj", "up_proj", "down_proj"] as const;

const rank = z
  .int()
  .min(1)
  .max(4096)
  .default(64)
  .describe("Rank of the adapter's factors")
  .meta({ flag: "rank" });

const common = {
  rank,
  alpha: z
    .number()
    .gt(0)
    .max(65536)
    .optional()
    .describe("Scale of the adapter's output is alpha / rank; default: twice the rank")
    .meta({ flag: "alpha" }),
  targetModules: z
    .array(z.string().min(1).max(256))
    .min(1)
    .max(4096)
    .default([...attentionProjections])
    .describe(
      "Linears to adapt: suffixes (q_proj), suffixes with their parent (cross_attn.q_proj), full names (layers.3.mlp.up_proj) or patterns with * (layers.1?.*.q_proj)",
    )
    .meta({ flag: "target-modules" }),
  targetMlp: z
    .boolean()
    .default(false)
    .describe("Also adapt gate_proj, up_proj and down_proj")
    .meta({ flag: "target-mlp" }),
  attentionType: z
    .enum(["both", "self", "cross"])
    .default("both")
    .describe("Which attention the bare names q_proj, k_proj, v_proj and o_proj mean")
    .meta({ flag: "attention-type" }),
  layers: z
    .string()
    .regex(/^\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*$/)
    .meta({ form: 'numbers and ranges such as "0-11,23"' })
    .optional()
    .describe('Decoder layers to adapt, counted from 0, such as "0-11,23"; default: all')
    .meta({ flag: "layers" }),
  rankPattern: z
    .record(z.string().min(1).max(256), z.int().min(1).max(4096))
    .optional()
    .describe("Rank by module name or pattern; the longest match wins")
    .meta({ flag: "rank-pattern" }),
  alphaPattern: z
    .record(z.string().min(1).max(256), z.number().gt(0).max(65536))
    .optional()
    .describe("Alpha by module name or pattern; the longest match wins")
    .meta({ flag: "alpha-pattern" }),
};

const loraFields = {
  ...common,
  dropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0.1)
    .describe("Probability of dropping an input of the A product while training")
    .meta({ flag: "dropout" }),
  rsLora: z
    .boolean()
    .default(false)
    .describe("Rank-stabilised scale: alpha / sqrt(rank)")
    .meta({ flag: "rs-lora" }),
};

const lycorisFields = {
  weightDecompose: z
    .boolean()
    .default(false)
    .describe("Train a magnitude for each output row as well (DoRA on this adapter)")
    .meta({ flag: "weight-decompose" }),
  rankDropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0)
    .describe("Probability of dropping an output row of the adapter's delta while training")
    .meta({ flag: "rank-dropout" }),
  rankDropoutScale: z
    .boolean()
    .default(false)
    .describe("Divide the kept rows by the share that was kept")
    .meta({ flag: "rank-dropout-scale" }),
};

/** Settings of an adapter, by kind; each kind knows only its own fields. */
export const AdapterSettings = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("lora"), ...loraFields }),
    z.strictObject({ kind: z.literal("dora"), ...loraFields }),
    z.strictObject({
      kind: z.literal("lokr"),
      ...common,
      factor: z
        .int()
        .min(-1)
        .max(65536)
        .default(-1)
        .describe("Size of the smaller Kronecker factor; -1: the most square factorisation")
        .meta({ flag: "factor" }),
      decomposeBoth: z
        .boolean()
        .default(false)
        .describe("Give the smaller factor low rank too")
        .meta({ flag: "decompose-both" }),
      fullMatrix: z
        .boolean()
        .default(false)
        .describe("Keep both factors full whatever the rank")
        .meta({ flag: "full-matrix" }),
      ...lycorisFields,
    }),
    z.strictObject({ kind: z.literal("loha"), ...common, ...lycorisFields }),
  ])
  .describe("The adapter to train")
  .meta({ flag: "adapter" });

export type AdapterSettings = z.infer<typeof AdapterSettings>;
