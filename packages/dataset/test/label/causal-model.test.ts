import type { HostTensor } from "@acewright/core-native";
import { readSafetensors, toFloat32 } from "@acewright/core-native";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CausalModel } from "../../src/label/model/causal-model.js";
import { golden } from "../reference-folders.js";

const device = { name: "cpu", reason: "test" } as const;

/** The largest difference of two rows, over the largest value. */
function worst(ours: Float32Array, theirs: Float32Array): number {
  expect(ours).toHaveLength(theirs.length);
  const largest = theirs.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return (
    ours.reduce((most, value, i) => Math.max(most, Math.abs(value - (theirs[i] as number))), 0) / largest
  );
}

// As for all float32 networks (tools/reference/golden/README.md).
const mark = 1e-5;

describe.each(["tiny_qwen3_lm", "tiny_qwen3_lm_tied"])("%s", (name) => {
  const folder = join(golden, name);
  const { tensors } = readSafetensors(join(folder, "case.safetensors"));
  const ids = [...new BigInt64Array((tensors["in.ids"] as HostTensor).data.slice().buffer)].map(Number);
  const logits = toFloat32(tensors["out.logits"] as HostTensor);
  const vocabulary = logits.length / ids.length;
  const expected = (position: number): Float32Array =>
    logits.subarray(position * vocabulary, (position + 1) * vocabulary);

  test("every token's logits equal the reference, without a cache, and with one token after the other", async () => {
    const model = await CausalModel.open(folder, { device });
    const grown = model.begin(ids.length);
    for (const [position, id] of ids.entries()) {
      expect(worst(await grown.append([id]), expected(position))).toBeLessThan(mark);
      const whole = model.begin(position + 1);
      expect(worst(await whole.append(ids.slice(0, position + 1)), expected(position))).toBeLessThan(mark);
    }
    await model.close();
  });

  test.each([1, 2, 5, 7, 37, 256])(
    "a prompt in passes of %d tokens gives the reference's logits",
    async (passTokens) => {
      const model = await CausalModel.open(folder, { device });
      const sequence = model.begin(ids.length);
      const head = ids.slice(0, 23);
      expect(worst(await sequence.append(head, { passTokens }), expected(22))).toBeLessThan(mark);
      const tail = await sequence.append(ids.slice(23), { passTokens });
      expect(worst(tail, expected(ids.length - 1))).toBeLessThan(mark);
      await model.close();
    },
  );

  test("no room, and ids of another vocabulary, are refused by name", async () => {
    const model = await CausalModel.open(folder, { device });
    await expect(model.begin(3).append([1, 2, 3, 4])).rejects.toThrow(/4 tokens do not fit a context of 3/);
    await expect(model.begin(3).append([101])).rejects.toThrow(/token id 101 .* vocabulary of 101/);
    await model.close();
  });
});
