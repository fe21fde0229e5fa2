import * as z from "zod";
import { deviceSetting } from "./device-setting.js";
import { recomputeSetting } from "./recompute-setting.js";

const Buckets = z.strictObject({
  decoderTokens: z
    .int()
    .min(1)
    .max(4096)
    .default(64)
    .describe("Decoder tokens are rounded up to a multiple of this; results do not change")
    .meta({ flag: "bucket-decoder-tokens" }),
  conditionTokens: z
    .int()
    .min(1)
    .max(4096)
    .default(32)
    .describe("Condition tokens are rounded up to a multiple of this; results do not change")
    .meta({ flag: "bucket-condition-tokens" }),
});

/** Where and how it is computed; of these only padding and the buckets stand in the arithmetic. */
export const machineFields = {
  recompute: recomputeSetting.describe(
    "What the backward pass computes again to save memory: nothing, norms and activations, the MLP as well, or whole layers; mlp:12: only the first twelve layers so, the others as cheap does; auto: the fastest that fits the device's free memory; results do not change",
  ),
  buckets: Buckets.prefault({}).describe("Rounding of shapes, so that few programs serve all songs"),
  padding: z
    .enum(["masked", "packed", "official"])
    .default("masked")
    .describe(
      "How songs of unlike length share a batch. masked: like lengths together, padding never trained on; packed: any lengths, behind one another without padding; official: padding counts and is attended to, as in the original trainer",
    )
    .meta({ flag: "padding" }),
  tuneProducts: z
    .boolean()
    .default(false)
    .describe(
      "On a GPU: time cuBLASLt's five most promising algorithms for each new shape of matrix product and keep the fastest, about a second for each length of song; the choice stands in config.json, where a resume and a rerun find it",
    )
    .meta({ flag: "tune-products" }),
  device: deviceSetting,
  threads: z
    .int()
    .min(1)
    .max(1024)
    .optional()
    .describe("Threads of the CPU device; default: the machine's cores; results do not change")
    .meta({ flag: "threads" }),
};
