import type { AdapterFormat } from "@acewright/trainer";

/** A layout of `export`, as a person chooses it. */
export interface ExportLayout {
  readonly about: string;
  /** More lines of the help. */
  readonly more?: readonly string[];
  /** Kinds of adapter it has names for: LoRA and DoRA, LoKr and LoHa; others are written as the nearest LoRA. */
  readonly takes: readonly ("lora" | "lycoris")[];
  /** What its output is mostly called: a folder, or one file. */
  readonly ending: "" | ".safetensors";
}

const both = ["lora", "lycoris"] as const;

export const exportLayouts: Readonly<Record<AdapterFormat, ExportLayout>> = {
  peft: { about: "a folder for ACE-Step and PEFT (LoRA, DoRA)", takes: ["lora"], ending: "" },
  lycoris: {
    about: "a file for ACE-Step and ComfyUI (LoKr, LoHa)",
    takes: ["lycoris"],
    ending: ".safetensors",
  },
  comfyui: {
    about: "a file for ComfyUI, with alpha beside each module",
    more: [
      "a DoRA is rescaled to ComfyUI's own rule; --prefix generic for a ComfyUI that does not know",
      "ACE-Step's names (lycoris_ ones before its pull request 12665)",
    ],
    takes: both,
    ending: ".safetensors",
  },
  diffusers: {
    about: "a folder for diffusers: a file whose scale is in its factors",
    takes: ["lora"],
    ending: "",
  },
  bare: {
    about: "the same under names without a prefix, for Wan2GP and its like",
    takes: ["lora"],
    ending: ".safetensors",
  },
  merged: { about: "a whole model with the adapter in its weights", takes: both, ending: "" },
};

/** One layout a line, for the help. */
export function layoutLines(): string {
  return Object.entries(exportLayouts)
    .flatMap(([name, { about, more = [] }]) => [
      `${name.padEnd(11)}${about}`,
      ...more.map((line) => `${" ".repeat(11)}${line}`),
    ])
    .join("\n");
}
