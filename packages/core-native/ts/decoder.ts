import type { NativeHandle } from "./binding.js";
import { defaultDevice, deviceHandle, type Device } from "./device.js";
import { AceError } from "./errors.js";
import { checkpointFingerprint } from "./fingerprint.js";
import { binding } from "./load.js";
import type { MemoryPlan, ModelConfig, PlanRequest } from "./types.js";

const handles = new WeakMap<Decoder, NativeHandle>();

/** The frozen weights of a checkpoint's diffusion decoder, in memory once and in their file's dtype. */
export class Decoder {
  readonly device: Device;
  readonly config: ModelConfig;
  /** What stands for every condition token when the condition is dropped: [encoderHiddenSize]. */
  readonly nullCondition: Float32Array;
  /** Every linear an adapter may sit on: `layers.0.self_attn.q_proj`, ... */
  readonly moduleNames: readonly string[];
  /** Bytes of the weights in memory. */
  readonly weightBytes: number;

  private constructor(device: Device, config: ModelConfig, loaded: Awaited<ReturnType<typeof openNative>>) {
    this.device = device;
    this.config = config;
    this.nullCondition = loaded.nullCondition;
    this.moduleNames = loaded.moduleNames;
    this.weightBytes = loaded.weightBytes;
    handles.set(this, loaded.handle);
  }

  /**
   * Reads a checkpoint folder (`config.json` beside `model.safetensors` or its shards).
   *
   * @param options.layers only the first so many layers (benchmarks); default all
   * @throws {AceError} ERR_FILE, ERR_CHECKPOINT (a tensor is missing or has another shape), ERR_OUT_OF_MEMORY
   */
  static async open(
    checkpointFolder: string,
    options: { readonly device?: Device; readonly layers?: number } = {},
  ): Promise<Decoder> {
    const device = options.device ?? defaultDevice();
    const loaded = await openNative(device, checkpointFolder, options.layers ?? 0);
    const config = { ...loaded.config, fingerprint: checkpointFingerprint(checkpointFolder) };
    return new Decoder(device, config, loaded);
  }

  /** Gives the memory back once nothing opened from it is in use any more. */
  close(): void {
    handles.get(this)?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function openNative(device: Device, folder: string, layers: number) {
  return binding().openDecoder(deviceHandle(device), folder, layers);
}

/** @internal */
export function decoderHandle(decoder: Decoder): NativeHandle {
  const handle = handles.get(decoder);
  if (handle === undefined)
    throw new AceError("ERR_CONFIG", "decoder: expected what Decoder.open() resolved to");
  return handle;
}

/**
 * The numbers of a checkpoint's `config.json` and its fingerprint, without reading the weights.
 *
 * @throws {AceError} ERR_FILE, ERR_CHECKPOINT
 */
export function readModelConfig(checkpointFolder: string): ModelConfig {
  return {
    ...binding().readModelConfig(checkpointFolder),
    fingerprint: checkpointFingerprint(checkpointFolder),
  };
}

/**
 * The bytes a training run will need, exact and before anything is allocated: headers alone are read.
 *
 * @param options.kind plan for a device of this kind, which need not be here; default the device's own
 * @throws {AceError} ERR_FILE, ERR_CHECKPOINT, ERR_CONFIG
 */
export async function planMemory(
  checkpointFolder: string,
  request: PlanRequest,
  options: { readonly device?: Device; readonly kind?: "cpu" | "cuda" } = {},
): Promise<MemoryPlan> {
  const device = options.device ?? defaultDevice();
  return await binding().planMemory(deviceHandle(device), checkpointFolder, {
    kind: options.kind ?? (device.info.name === "cpu" ? "cpu" : "cuda"),
    batch: request.batch,
    frames: request.frames,
    conditionTokens: request.conditionTokens,
    adapter: request.adapter,
    recompute: request.recompute,
    ...(request.optimizer && { optimizer: request.optimizer }),
    buckets: request.buckets ?? { decoderTokens: 64, conditionTokens: 32 },
    padding: request.padding ?? "masked",
    datasetBytes: request.datasetBytes ?? 0,
  });
}
