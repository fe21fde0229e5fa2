import { listPresets, withPreset } from "@acewright/trainer";
import type { Draft } from "../draft.js";
import { back } from "../questions.js";
import type { Tools } from "../tools.js";
import type { Step } from "../walk.js";

const none = "";

/** Asks what to begin from: one of the presets, one's own among them, or the defaults. */
export function presetStep({ questions }: Tools, draft: Draft): Step {
  return async () => {
    const found = listPresets((message) => {
      questions.warn(message);
    });
    const chosen = await questions.choose(
      "Which settings to begin from?",
      [
        { value: none, label: "the defaults" },
        ...found.map(({ preset: { name, description }, file }) => ({
          value: name,
          label: file === undefined ? name : `${name} (yours)`,
          hint: description,
        })),
      ],
      draft.preset?.name ?? none,
    );
    if (chosen === back) return back;
    const preset = found.find((one) => one.preset.name === chosen)?.preset;
    if (preset?.name !== draft.preset?.name)
      draft.values = preset === undefined ? {} : withPreset(preset, {});
    draft.preset = preset;
    return undefined;
  };
}
