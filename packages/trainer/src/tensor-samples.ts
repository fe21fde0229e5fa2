import { createHash } from "node:crypto";
import { openTensors } from "@acewright/dataset";
import type { SampleSource } from "./sample-source.js";

/** The songs of a folder that `preprocess` wrote. */
export async function openTensorSamples(folder: string): Promise<SampleSource> {
  const tensors = await openTensors(folder);
  const { manifest } = tensors;
  const hash = createHash("sha256").update(manifest.silence.sha256);
  // Repeats are part of what is trained on; where nobody asked for any, the identity is that of the tensors alone.
  for (const { id, sha256, repeats } of tensors.samples)
    hash.update(`\n${id} ${sha256}${repeats === 1 ? "" : ` x${repeats}`}`);
  return {
    hash: hash.digest("hex"),
    encoderHiddenSize: manifest.width,
    trigger: triggerOf(manifest.dataset),
    madeWith: manifest.model,
    songs: tensors.samples.map(({ id, frames, tokens, repeats, wordings }) => {
      return { id, frames, conditionTokens: tokens, repeats, ...(wordings && { wordings }) };
    }),
    read: async (index) => {
      const sample = tensors.samples[index];
      if (sample === undefined) throw new RangeError(`${folder} has no song number ${index}`);
      return await tensors.read(sample);
    },
  };
}

/** dataset.json calls it custom_tag. */
function triggerOf(dataset: Readonly<Record<string, unknown>>): string {
  const tag = dataset["custom_tag"];
  return typeof tag === "string" ? tag.trim() : "";
}
