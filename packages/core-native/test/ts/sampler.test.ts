import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Decoder, readSafetensors, Sampler, toFloat32 } from "../../ts/index.js";

const golden = fileURLToPath(new URL("../../../../tools/reference/golden/tiny", import.meta.url));

test("the last step is told however busy the reader is, each step once and in order", async () => {
  const { tensors } = readSafetensors(join(golden, "decoder_short.safetensors"));
  const values = (name: string) => {
    const tensor = tensors[name];
    if (tensor === undefined) throw new Error(`decoder_short lacks ${name}`);
    return toFloat32(tensor);
  };
  using decoder = await Decoder.open(join(golden, "model"));
  using sampler = new Sampler(decoder);
  const times = Array.from({ length: 12 }, (_, i) => 1 - i / 12);
  const told: [number, number][] = [];
  const work = sampler.sample(
    {
      condition: values("in.cond"),
      contextLatents: values("in.context"),
      seed: 1,
      times,
      method: "ode",
    },
    (done, total) => told.push([done, total]),
  );
  // More steps end meanwhile than may wait to be told.
  for (const until = performance.now() + 500; performance.now() < until;);
  await work;
  expect(told.at(-1)).toEqual([12, 12]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const steps = told.map(([done]) => done);
  expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
});
