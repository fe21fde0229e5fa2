import { mkdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { AceError, writeFileAtomic, writePeftFolder, writeSafetensors } from "@acewright/core-native";
import { openBaseWeights } from "../adapters/base-weights.js";
import type { OpenedAdapter } from "../adapters/opened-adapter.js";
import { magnitudesOf } from "../adapters/opened-adapter.js";
import { writeFolderAtomic } from "../run/atomic-folder.js";
import { nodeFiles } from "../run/files.js";
import type { AdapterFormat } from "./adapter-names.js";
import { loraTensors, lycorisUnder } from "./lora-names.js";
import { refuseOccupied } from "./output-place.js";

/** Files of an adapter as they now lie on disk. */
export interface WrittenExport {
  readonly weights: string;
  readonly files: readonly string[];
  /** Byte for byte the source's: its layout is the one asked for. */
  readonly copied: boolean;
}

/**
 * Writes an adapter as one of the formats that hold an adapter; nothing is overwritten but a file that was named.
 *
 * @param model for what cannot be written without the base weights.
 */
export async function writeExport(
  adapter: OpenedAdapter,
  options: { readonly format: AdapterFormat; readonly output: string; readonly prefix?: string },
  model: string | undefined,
): Promise<WrittenExport> {
  const { found, file } = adapter;
  const lycoris = file.config.kind === "lokr" || file.config.kind === "loha";
  if (options.format === "peft") return writePeft(adapter, options.output);
  if (lycoris) {
    const weights = place(options.output, basename(found.weights));
    if (options.prefix !== undefined && options.prefix !== "native") {
      writeSafetensors(weights, lycorisUnder(options.prefix, adapter.modules), file.metadata);
      return { weights, files: [weights], copied: false };
    }
    writeFileAtomic(weights, readFileSync(found.weights));
    return { weights, files: [weights], copied: true };
  }
  if (options.format !== "comfyui" && options.format !== "diffusers" && options.format !== "bare")
    throw new AceError("ERR_CONFIG", `${options.format}: a LoRA is not written so`);
  const { format, prefix } = options;
  const decomposed = adapter.modules.some((module) => magnitudesOf(module) !== undefined);
  const base = decomposed && format === "comfyui" && model !== undefined ? openBaseWeights(model) : undefined;
  const tensors = loraTensors(format, adapter.modules, { prefix, base });
  const weights = place(options.output, fileNames[format](basename(options.output)));
  writeSafetensors(weights, tensors, {
    ...withoutScale(file.metadata),
    format: "pt",
    ...(decomposed && format === "comfyui" && { dora_norm: "weight" }),
  });
  return { weights, files: [weights], copied: false };
}

const fileNames = {
  comfyui: (name: string) => `${name}_comfyui.safetensors`,
  // What diffusers looks for in a folder.
  diffusers: () => "pytorch_lora_weights.safetensors",
  bare: (name: string) => `${name}_bare.safetensors`,
};

/** Strings that would contradict the tensors of another layout. */
function withoutScale(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const scale = ["lora_adapter_metadata", "dora_norm"];
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => !scale.includes(key)));
}

/** A file that is named, or one in a new folder. */
function place(output: string, name: string): string {
  if (output.endsWith(".safetensors")) {
    mkdirSync(dirname(output), { recursive: true });
    return output;
  }
  refuseOccupied(output);
  mkdirSync(output, { recursive: true });
  return join(output, name);
}

async function writePeft(adapter: OpenedAdapter, output: string): Promise<WrittenExport> {
  const { config: json, weights } = adapter.found;
  const { config, tensors, metadata, prefix } = adapter.file;
  const names = ["adapter_model.safetensors", "adapter_config.json"];
  const copied = json !== undefined && basename(weights) === names[0] && prefix === "base_model.model.";
  refuseOccupied(output);
  await writeFolderAtomic(nodeFiles, output, async (folder) => {
    mkdirSync(folder, { recursive: true });
    if (copied) {
      for (const file of [weights, json]) writeFileAtomic(join(folder, basename(file)), readFileSync(file));
    } else {
      if (adapter.file.magnitudesOverBase)
        throw new AceError(
          "ERR_CONFIG",
          `${weights}: its magnitudes are ComfyUI's; export the adapter it was made from`,
        );
      await writePeftFolder(folder, config, adapter.modules, tensors, withoutScale(metadata));
    }
  });
  const files = names.map((name) => join(output, name));
  return { weights: files[0] ?? "", files, copied };
}
