import { rmSync, mkdirSync } from "node:fs";
import { scanFolder, saveDataset, preprocess } from "@acewright/dataset";
import { ConditionEncoder } from "@acewright/core-native";
import { train, generate, planRun, exportAdapter, listRuns } from "@acewright/trainer";
const toy = new URL("../../tools/reference/toy/", import.meta.url).pathname;
const out = "/tmp/acewright-try";
rmSync(out, { recursive: true, force: true });
mkdirSync(out);
console.time("scan");
const scan = await scanFolder(toy + "adapt");
console.log(Object.keys(scan));
console.timeEnd("scan");
saveDataset(out + "/dataset.json", scan.dataset ?? scan);
console.time("pre");
for await (const e of preprocess({
  dataset: out + "/dataset.json",
  output: out + "/tensors",
  model: toy + "checkpoints",
  allowRoots: ["/"],
  openConditionNetwork: (f) => ConditionEncoder.open(f),
}))
  if (e.type !== "progress") console.log(JSON.stringify(e).slice(0, 200));
console.timeEnd("pre");
const model = toy + "checkpoints/acestep-v15-toy";
const config = {
  tensors: out + "/tensors",
  model,
  output: out + "/run",
  adapter: { kind: "lora", rank: 8, dropout: 0 },
  learningRate: 2e-3,
  maxSteps: 60,
  batchSize: 3,
  epochs: 200,
  gradientAccumulation: 1,
  cropFrames: 128,
  validationEvery: 20,
  saveEverySteps: 20,
  warmupSteps: 5,
};
console.log(JSON.stringify(await planRun(config)).slice(0, 1500));
console.time("train");
for await (const e of train(config)) console.log(JSON.stringify(e).slice(0, 220));
console.timeEnd("train");
console.log(listRuns(out).map(({ config, ...r }) => r));
console.log(await exportAdapter(out + "/run", { format: "peft", output: out + "/exported" }));
console.time("gen");
console.log(
  await generate({
    model: toy + "checkpoints",
    caption: "bells in seven",
    durationS: 10,
    output: out + "/song.wav",
    adapters: [{ path: out + "/run/final", scale: 1 }],
  }),
);
console.timeEnd("gen");
