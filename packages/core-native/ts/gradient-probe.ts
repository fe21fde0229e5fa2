import type { NativeHandle } from "./binding.js";
import { decoderHandle, type Decoder } from "./decoder.js";
import { toFloat32 } from "./float-tensor.js";
import { binding } from "./load.js";
import type { ProbeConfig, SampleRef, SampleResult, TrainSample, TrainSessionConfig } from "./types.js";

/** How a probe looks: a training step's own settings, as far as a measure has them. */
export type ProbeSettings = Pick<
  TrainSessionConfig,
  "seed" | "timesteps" | "timestepRounding" | "recompute" | "buckets" | "residentBytes"
> & { readonly targetModules: readonly string[] };

/** What one forward and backward pass says of the frozen weights. */
export interface ProbeReading {
  readonly sample: SampleResult;
  /** The squared Frobenius norm of d loss / d W by full module name; NaN or infinite where the pass was. */
  readonly squaredNorms: ReadonlyMap<string, number>;
}

const prefix = "base_model.model.";
const suffix = ".squared_norm";

/**
 * Measures how strongly each frozen linear pulls on the loss. The whole gradient of a weight, dy^T x, is formed in scratch
 * memory, reduced to its squared norm and forgotten: a probe needs little more memory than training does.
 */
export class GradientProbe {
  /** Full names of the modules it measures. */
  readonly modules: readonly string[];
  readonly #adapter: NativeHandle;
  readonly #session: NativeHandle;

  private constructor(modules: readonly string[], adapter: NativeHandle, session: NativeHandle) {
    this.modules = modules;
    this.#adapter = adapter;
    this.#session = session;
  }

  /** @throws {AceError} ERR_CONFIG when a target names no linear; ERR_OUT_OF_MEMORY */
  static async open(decoder: Decoder, settings: ProbeSettings): Promise<GradientProbe> {
    const { targetModules, ...session } = settings;
    const made = await binding().createAdapter(
      decoderHandle(decoder),
      probeConfig(targetModules),
      settings.seed,
    );
    try {
      const handle = await binding().openSession(decoderHandle(decoder), made.handle, {
        ...session,
        optimizer: { kind: "lion", beta1: 0, beta2: 0, weightDecay: 0 },
        maxGradNorm: 0,
        conditionDropout: 0,
        padding: "masked",
      });
      return new GradientProbe(made.moduleNames, made.handle, handle);
    } catch (error) {
      made.handle.close();
      throw error;
    }
  }

  /** Copies a sample to the device; resolves to the number that {@link SampleRef.sample} names. */
  async addSample(sample: TrainSample): Promise<number> {
    return await binding().sessionAddSample(this.#session, sample);
  }

  /** One sample's gradients; `step` and {@link SampleRef.key} decide noise and timestep. */
  async measure(ref: SampleRef, step: number): Promise<ProbeReading> {
    const { samples } = await binding().sessionStep(this.#session, {
      step,
      learningRate: 0,
      microBatches: [[ref]],
    });
    const gradients = await binding().sessionGradients(this.#session);
    const squaredNorms = new Map(
      Object.entries(gradients).map(([name, tensor]) => [
        name.slice(prefix.length, -suffix.length),
        toFloat32(tensor)[0] ?? Number.NaN,
      ]),
    );
    return { sample: samples[0] as SampleResult, squaredNorms };
  }

  close(): void {
    this.#session.close();
    this.#adapter.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** What `planMemory` is asked with for a probe of these modules. */
export function probeConfig(targetModules: readonly string[]): ProbeConfig {
  return { kind: "probe", rank: 1, alpha: 1, targetModules };
}
