import { TrainConfig, withPreset } from "@acewright/trainer";
import type { Preset } from "@acewright/trainer";
import { flagsFor } from "./command-line.js";
import { isEqual, settingsOf, valueAt, withValue, type Values } from "./values.js";

/** Where a training reads and writes, as it is typed. */
export interface TrainPlaces {
  readonly tensors: string;
  readonly run: string;
  readonly model: string;
}

/** Settings, and the preset they began from. */
export interface TrainSettings {
  readonly preset: Preset | undefined;
  readonly values: Values;
}

/** The command line that trains with these settings, by its preset where that says the same. */
export function trainWords(
  { tensors, run, model }: TrainPlaces,
  { preset, values }: TrainSettings,
): string[] {
  const own = preset === undefined ? undefined : flagsOver(preset, values);
  return [
    ...["train", tensors, "-o", run, "-m", model],
    ...(preset === undefined || own === undefined
      ? flagsFor(TrainConfig, values)
      : ["--preset", preset.name, ...own]),
  ];
}

/** What must be said beside `--preset`; undefined where no flag could take away what the preset sets. */
function flagsOver(preset: Preset, values: Values): string[] | undefined {
  let own: Values = {};
  for (const { path, fallback } of settingsOf(TrainConfig, values)) {
    const [below, now] = [valueAt(preset.config, path), valueAt(values, path) ?? fallback];
    if (isEqual(below ?? fallback, now)) continue;
    if (now === undefined) return undefined;
    own = withValue(own, path, now);
  }
  // Another kind of adapter or optimizer takes over only some of a preset: then everything is said.
  const again = withPreset(preset, own);
  const isSame = settingsOf(TrainConfig, values).every(({ path, fallback }) =>
    isEqual(valueAt(again, path) ?? fallback, valueAt(values, path) ?? fallback),
  );
  return isSame ? flagsFor(TrainConfig, own) : undefined;
}
