import { checkRunOn, type CheckedRun } from "../check-run.js";
import { epochSettingsOf } from "../config/resolve-config.js";
import { parseConfig } from "../config/parse-config.js";
import type { TrainConfig, TrainConfigInput } from "../config/train-config.js";
import type { NativePort, PlanningPort } from "../native-port.js";
import { native } from "../native.js";
import { deviceFor, plannedRun, type PlannedRun } from "../plan-run.js";
import { epochBatches, placesPerEpoch } from "../plan/epoch.js";
import { openSongs } from "../regularization.js";
import type { OpenSamples } from "../sample-source.js";
import { openTensorSamples } from "../tensor-samples.js";
import { candidatesFor, openOf, type Open, type SuggestedSettings } from "./candidates.js";
import { reasonsFor, type SuggestedChoice, type Tried } from "./reasons.js";

/** Settings for a device's memory and a dataset's lengths. */
export interface Suggestion {
  /** What was chosen, as a configuration writes it; nothing that was given is in it. */
  readonly settings: SuggestedSettings;
  /** The same one by one, and why. */
  readonly choices: readonly SuggestedChoice[];
  /** The run with them. */
  readonly plan: PlannedRun;
}

/** Songs an optimizer step averages over, as in every preset. */
const songsAStep = 4;
/** Share of a batch that may be padding: more costs the time that batching saves. */
const mostPadding = 0.1;

/**
 * Chooses rank, modules, optimizer, crop, recompute policy, batch and accumulation so that the run's verdict is green, planned
 * by the exact planner. What the configuration already says is kept; what memory does not decide is left to the defaults.
 * The same songs, model and memory give the same settings.
 *
 * @param options.memoryBytes plan for a device of this memory, which need not be here.
 * @throws {AceError} whatever `planRun` throws. Where nothing fits, the least is given and its plan's verdict is red.
 */
export function suggestSettings(
  given: TrainConfigInput,
  options: { readonly memoryBytes?: number } = {},
): Promise<Suggestion> {
  return suggestWith({ native, openSamples: openTensorSamples }, given, options);
}

/** {@link suggestSettings} on given parts. */
export async function suggestWith(
  parts: { readonly native: NativePort; readonly openSamples: OpenSamples },
  given: TrainConfigInput,
  { memoryBytes }: { readonly memoryBytes?: number } = {},
): Promise<Suggestion> {
  const config = parseConfig(given);
  const device = deviceFor(parts.native, config, memoryBytes);
  const samples = await openSongs(parts.openSamples, config);
  const check = (settings: SuggestedSettings) =>
    checkRunOn(device, parseConfig(withSettings(given, settings)), samples);
  const known = (await check({})).config.adapter.rankPattern !== undefined;
  const open = openOf(given, known);
  const longest = samples.songs.reduce((most, { frames }) => Math.max(most, frames), 0);
  const alone = open.batch && { batchSize: 1 };
  const tried: Tried[] = [];
  for (const candidate of candidatesFor(given, open, longest)) {
    tried.push(await greenest({ ...candidate, ...alone }, open, check));
    if (tried.at(-1)?.checked.recompute.verdict === "green") break;
  }
  const fitting = (verdict: string) => tried.find(({ checked }) => checked.recompute.verdict === verdict);
  const chosen = fitting("green") ?? fitting("yellow") ?? tried.at(-1);
  if (chosen === undefined) throw new RangeError("there was nothing to try");
  const { why, ...best } = await batched(chosen, open, check);
  const plan = plannedRun(best.checked, undefined);
  return { settings: best.settings, choices: reasonsFor(best, tried, why), plan };
}

type Check = (settings: SuggestedSettings) => Promise<CheckedRun<PlanningPort>>;

/** A candidate under the fastest policy whose verdict is green, or else the fastest that fits. */
async function greenest(settings: SuggestedSettings, open: Open, check: Check): Promise<Tried> {
  const checked = await check(settings);
  const { verdict, policy, cures } = checked.recompute;
  const [roomier] = verdict === "yellow" ? cures : [];
  const recompute = open.recompute ? { recompute: roomier?.recompute ?? policy } : {};
  const chosen = { ...settings, ...recompute };
  return { settings: chosen, checked: await check(chosen) };
}

/**
 * The largest batch that costs nothing: still green, under the same policy, and of songs alike enough. Together with the
 * accumulation a step averages over four songs, or as many as there are. On a CPU a batch gains nothing.
 */
async function batched(
  { settings, checked }: Tried,
  open: Open,
  check: Check,
): Promise<Tried & { readonly why: string }> {
  const { samples, config, device, recompute } = checked;
  const songs = Math.min(songsAStep, placesPerEpoch(samples.songs, config.datasetRepeats));
  const sized = (batchSize: number) => ({
    ...settings,
    ...(open.batch && { batchSize }),
    ...(open.accumulation && { gradientAccumulation: Math.ceil(songs / batchSize) }),
  });
  const alone = async (why: string) => {
    const wanted = sized(open.batch ? 1 : config.batchSize);
    return { settings: wanted, checked: await check(wanted), why };
  };
  if (device.info.name === "cpu") return alone("on a CPU a batch gains nothing");
  if (!open.batch || recompute.verdict !== "green") return alone("there is no room for more");
  let why = "there are no more songs";
  for (const batchSize of [4, 2].filter((size) => size <= songs)) {
    const wanted = sized(batchSize);
    const run = await check(wanted);
    if (run.recompute.verdict !== "green") why = `${batchSize} at once need more memory or recomputing`;
    else if (paddingShare(run) > mostPadding) why = "songs of unlike lengths would be padded";
    else return { settings: wanted, checked: run, why: "the largest that fits without recomputing more" };
  }
  return alone(why);
}

/** How much of the first epoch's batches would be padding: shorter songs beside longer ones. */
function paddingShare({ config, samples, model }: CheckedRun<PlanningPort>): number {
  const settings = epochSettingsOf(config, model.patchSize);
  let [held, used] = [0, 0];
  for (const batch of epochBatches(samples.songs, settings, 0)) {
    held += batch.length * Math.max(...batch.map(({ frames }) => frames));
    used += batch.reduce((sum, { frames }) => sum + frames, 0);
  }
  return 1 - used / held;
}

/**
 * The configuration with what a run that exists already was given by an earlier suggestion: another program's memory must not
 * make it another run.
 */
export function withSettingsOf(run: TrainConfig, given: TrainConfigInput): TrainConfigInput {
  const { adapter, optimizer, recompute, batchSize, gradientAccumulation, cropFrames } = run;
  const { kind, rank, targetMlp } = adapter;
  const cropped = cropFrames !== undefined && given.cropSeconds === undefined && { cropFrames };
  const settings = {
    adapter: { kind, rank, targetMlp },
    optimizer,
    recompute,
    batchSize,
    gradientAccumulation,
  };
  return withSettings(given, { ...settings, ...cropped });
}

/** The chosen settings under the given ones. */
export function withSettings(
  given: TrainConfigInput,
  settings: SuggestedSettings | Partial<TrainConfigInput>,
): TrainConfigInput {
  const { adapter, ...rest } = settings;
  return {
    ...rest,
    ...given,
    ...(adapter && { adapter: { ...adapter, ...given.adapter } }),
  } as TrainConfigInput;
}
