import { mkdirSync } from "node:fs";
import type { FloatTensor, NativeHandle } from "./binding.js";
import { findAdapterFile, type AdapterFile } from "./adapter-file/find.js";
import { writeLycorisFile } from "./adapter-file/lycoris.js";
import { writePeftFolder } from "./adapter-file/peft.js";
import { decoderHandle, type Decoder } from "./decoder.js";
import { AceError } from "./errors.js";
import { fromFloat32, toFloat32 } from "./float-tensor.js";
import { binding } from "./load.js";
import type { AdapterConfig, HostTensor, LoadReport } from "./types.js";

const handles = new WeakMap<Adapter, NativeHandle>();

/** A module the adapter changes, with what its own rank and alpha came to. */
export interface AdapterModuleInfo {
  readonly name: string;
  readonly rank: number;
  readonly alpha: number;
}

/** A trainable change of a {@link Decoder}: LoRA, DoRA, LoKr or LoHa. */
export class Adapter {
  readonly decoder: Decoder;
  readonly config: AdapterConfig;
  readonly parameterCount: number;
  readonly modules: readonly AdapterModuleInfo[];

  private constructor(
    decoder: Decoder,
    config: AdapterConfig,
    made: { handle: NativeHandle; parameterCount: number; modules: readonly AdapterModuleInfo[] },
  ) {
    this.decoder = decoder;
    this.config = config;
    this.parameterCount = made.parameterCount;
    this.modules = made.modules;
    handles.set(this, made.handle);
  }

  /**
   * A fresh adapter that changes nothing yet; its random half is drawn from `seed`.
   *
   * @throws {AceError} ERR_CONFIG when a target names no linear or a setting is out of range
   */
  static async create(decoder: Decoder, config: AdapterConfig, seed: number): Promise<Adapter> {
    const made = await binding().createAdapter(decoderHandle(decoder), config, seed);
    const modules = made.moduleNames.map((name, i) => ({
      name,
      rank: made.ranks[i] ?? config.rank,
      alpha: made.alphas[i] ?? config.alpha,
    }));
    return new Adapter(decoder, config, {
      handle: made.handle,
      parameterCount: made.parameterCount,
      modules,
    });
  }

  /**
   * Loads an adapter in any layout the ecosystem writes: a PEFT folder or its file, LyCORIS, ComfyUI, diffusers, bare names.
   *
   * @throws {AceError} ERR_FILE (not an adapter, damaged), ERR_CHECKPOINT (nothing matches, or shapes of another model)
   */
  static async load(
    decoder: Decoder,
    path: string,
  ): Promise<{ adapter: Adapter; report: LoadReport; metadata: Record<string, string> }> {
    const file: AdapterFile = findAdapterFile(path, decoder.moduleNames);
    const adapter = await Adapter.create(decoder, file.config, 0);
    try {
      const tensors = file.magnitudesOverBase ? await magnitudesOfChange(decoder, file) : file.tensors;
      const report = await adapter.setTensors(tensors);
      const unexpected = [...report.unexpected, ...file.unexpected];
      if (report.matched.length === 0) {
        throw new AceError(
          "ERR_CHECKPOINT",
          `${path}: none of its ${unexpected.length} tensors fits this model; the first is ${unexpected[0] ?? "absent"}`,
        );
      }
      return {
        adapter,
        report: { ...report, unexpected, ignored: file.ignored, scale: file.scale },
        metadata: file.metadata,
      };
    } catch (error) {
      adapter.close();
      throw error;
    }
  }

  /**
   * Writes the adapter into `folder` (made where it is missing) under the ecosystem's names, each file whole or not at all: LoRA and DoRA as
   * `adapter_model.safetensors` + `adapter_config.json` (PEFT), LoKr and LoHa as `lokr_weights.safetensors` or
   * `loha_weights.safetensors` (LyCORIS).
   *
   * @param metadata strings for the file's header (trigger, base model, settings)
   * @returns the paths written
   */
  async save(folder: string, metadata: Readonly<Record<string, string>> = {}): Promise<string[]> {
    const tensors = await this.tensors();
    mkdirSync(folder, { recursive: true });
    return this.config.kind === "lora" || this.config.kind === "dora"
      ? await writePeftFolder(folder, this.config, this.modules, tensors, metadata)
      : await writeLycorisFile(folder, this.config, tensors, metadata);
  }

  /** Every tensor under its file name, float32. */
  async tensors(): Promise<Record<string, HostTensor>> {
    return await binding().adapterTensors(adapterHandle(this));
  }

  /**
   * Replaces tensors by name; nothing is changed when one has another shape.
   *
   * @throws {AceError} ERR_CHECKPOINT on a shape or alpha that differs
   */
  async setTensors(tensors: Readonly<Record<string, HostTensor>>): Promise<LoadReport> {
    const floats: Record<string, FloatTensor> = {};
    for (const [name, tensor] of Object.entries(tensors))
      floats[name] = { shape: tensor.shape, data: toFloat32(tensor) };
    return await binding().adapterSetTensors(adapterHandle(this), floats);
  }

  /** The weight of one module with the adapter merged in: W + strength (W' - W), [out, in]. */
  async mergedWeight(module: string, strength = 1): Promise<Float32Array> {
    return await binding().adapterMergedWeight(adapterHandle(this), module, strength);
  }

  /** The largest change it makes to any weight; 0 for an adapter that does nothing. */
  async effect(): Promise<number> {
    return await binding().adapterEffect(adapterHandle(this));
  }

  close(): void {
    handles.get(this)?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** @internal */
export function adapterHandle(adapter: Adapter): NativeHandle {
  const handle = handles.get(adapter);
  if (handle === undefined)
    throw new AceError("ERR_CONFIG", "adapter: expected what Adapter.create() or Adapter.load() gave");
  return handle;
}

/**
 * ComfyUI's magnitudes belong to rows divided by ||W||, ours to rows divided by ||W + change||: the file's tensors with
 * each magnitude times the ratio of the two.
 */
async function magnitudesOfChange(decoder: Decoder, file: AdapterFile): Promise<Record<string, HostTensor>> {
  const { rank, alpha, targetModules, rankPattern = {}, alphaPattern = {} } = file.config;
  const tensors = { ...file.tensors };
  using plain = await Adapter.create(
    decoder,
    { kind: "lora", rank, alpha, targetModules, rankPattern, alphaPattern },
    0,
  );
  const factors = Object.entries(file.tensors).filter(([name]) => !name.endsWith("lora_magnitude_vector"));
  await plain.setTensors(Object.fromEntries(factors));
  for (const module of targetModules) {
    const name = `base_model.model.${module}.lora_magnitude_vector`;
    const stored = tensors[name];
    if (stored === undefined) continue;
    const magnitude = toFloat32(stored);
    const changed = rowNorms(await plain.mergedWeight(module, 1), magnitude.length);
    const base = rowNorms(await plain.mergedWeight(module, 0), magnitude.length);
    tensors[name] = fromFloat32(
      magnitude.map((value, row) => (value * (changed[row] ?? 0)) / (base[row] ?? 1)),
      stored.shape,
    );
  }
  return tensors;
}

function rowNorms(weight: Float32Array, rows: number): Float64Array {
  const columns = weight.length / rows;
  return Float64Array.from({ length: rows }, (_, row) => {
    let sum = 0;
    for (let i = row * columns; i < (row + 1) * columns; i++) sum += (weight[i] ?? 0) ** 2;
    return Math.sqrt(sum);
  });
}
