import { expect, test } from "vitest";
import { flatten } from "../../src/config/config-diff.js";
import { parseConfig } from "../../src/config/parse-config.js";
import { presets, withPreset } from "../../src/config/presets.js";
import { unusedSettings } from "../../src/config/unused-settings.js";
import { resumeMatrix } from "../kill/resume-matrix.js";

const folders = { tensors: "tensors", model: "model", output: "run" };
const linesOf = (settings: object) => unusedSettings(parseConfig({ ...folders, ...settings }));

test.each<[object, object, RegExp]>([
  [
    { schedulePower: 3 },
    { schedule: "polynomial" },
    /^schedulePower 3 does nothing here: it needs schedule polynomial$/,
  ],
  [
    { scheduleRestarts: 2 },
    { schedule: "cosine-restarts" },
    /^scheduleRestarts 2 .*schedule cosine-restarts$/,
  ],
  [
    { minLrRatio: 0.1, schedule: "constant" },
    { schedule: "linear" },
    /^minLrRatio 0\.1 .*a schedule that falls$/,
  ],
  [{ warmupStartFactor: 0.5, warmupSteps: 0 }, { warmupSteps: 10 }, /^warmupStartFactor 0\.5 .*warmupSteps$/],
  [{ targetLossFloor: 0.5 }, { targetLoss: 1 }, /^targetLossFloor 0\.5 .*needs targetLoss$/],
  [{ targetLossWarmup: 5 }, { targetLoss: 1 }, /^targetLossWarmup 5 .*needs targetLoss$/],
  [{ targetLossSmoothing: 0.5 }, { targetLoss: 1 }, /^targetLossSmoothing 0\.5 .*needs targetLoss$/],
  [{ cropPlacement: "random" }, { cropFrames: 64 }, /^cropPlacement random .*cropSeconds or cropFrames$/],
  [{ regularizationRatio: 2 }, { regularization: "other" }, /^regularizationRatio 2 .*needs regularization$/],
  [
    { regularizationWeight: 2 },
    { regularization: "other" },
    /^regularizationWeight 2 .*needs regularization$/,
  ],
  [
    { validationFraction: 0.2 },
    { validationEvery: 5 },
    /^validationFraction 0\.2 holds songs out .*: set validationEvery$/,
  ],
  [{ validationDraws: 8 }, { validationEvery: 5 }, /^validationDraws 8 .*needs validationEvery$/],
  [{ bestAfterEpochs: 8 }, { bestBy: "loss" }, /^bestAfterEpochs 8 .*validationEvery, or bestBy loss$/],
  [
    { minImprovement: 0.1 },
    { validationEvery: 5 },
    /^minImprovement 0\.1 .*validationEvery, or bestBy loss$/,
  ],
  [{ samplePrompts: "songs.txt" }, { sampleEvery: 5 }, /^samplePrompts songs\.txt .*needs sampleEvery$/],
  [{ sampleAudio: "flac" }, { sampleEvery: 5 }, /^sampleAudio flac .*needs sampleEvery$/],
  [
    { adapter: { kind: "loha", rankDropoutScale: true } },
    { adapter: { kind: "loha", rankDropoutScale: true, rankDropout: 0.1 } },
    /^adapter\.rankDropoutScale true .*needs adapter\.rankDropout$/,
  ],
  [
    { adapter: { kind: "lokr", decomposeBoth: true, fullMatrix: true } },
    { adapter: { kind: "lokr", decomposeBoth: true } },
    /^adapter\.decomposeBoth true .*adapter\.fullMatrix off$/,
  ],
  [
    { adapter: { kind: "lora", attentionType: "self", targetModules: ["mlp.up_proj"] } },
    { adapter: { kind: "lora", attentionType: "self", targetModules: ["q_proj"] } },
    /^adapter\.attentionType self .*by its bare name in adapter\.targetModules$/,
  ],
  [{ decayVectors: true }, { adapter: { kind: "dora" } }, /^decayVectors true .*an adapter with magnitudes/],
  [
    { optimizer: { kind: "adafactor", scaleEpsilon: 0.1 } },
    { optimizer: { kind: "adafactor", scaleEpsilon: 0.1, scaleParameter: true } },
    /^optimizer\.scaleEpsilon 0\.1 .*needs optimizer\.scaleParameter$/,
  ],
  [
    { optimizer: { kind: "schedulefree" } },
    { schedule: "constant" },
    /^optimizer schedulefree .*made for schedule constant$/,
  ],
])("%j is told of, and with %j it counts", (settings, beside, line) => {
  expect(linesOf(settings)).toEqual([expect.stringMatching(line)]);
  expect(linesOf({ ...settings, ...beside })).toEqual([]);
});

test("defaults, presets, and a configuration written out whole say nothing", () => {
  expect(linesOf({})).toEqual([]);
  for (const name of Object.keys(presets)) expect(linesOf(withPreset(name, {}))).toEqual([]);
  const whole = parseConfig({ ...folders, adapter: { kind: "lokr" }, optimizer: { kind: "lion" } });
  expect(flatten(whole).has("schedulePower")).toBe(true);
  expect(unusedSettings(parseConfig(whole))).toEqual([]);
});

test("the runs of the resume matrix use all that they set, but for a rate that falls for no use", () => {
  const told = resumeMatrix.flatMap(({ changes }) => linesOf(changes));
  expect(told.filter((line) => !line.startsWith("optimizer schedulefree"))).toEqual([]);
});
