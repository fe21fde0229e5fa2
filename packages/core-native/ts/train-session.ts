import type { NativeHandle } from "./binding.js";
import { adapterHandle, type Adapter } from "./adapter.js";
import { decoderHandle, type Decoder } from "./decoder.js";
import { AceError } from "./errors.js";
import { binding } from "./load.js";
import type {
  HostTensor,
  MemoryPlan,
  SampleRef,
  SampleResult,
  StepInput,
  StepResult,
  TrainSample,
  TrainSessionConfig,
} from "./types.js";

/** Training of one adapter: samples go in once, then one native call an optimizer step. */
export class TrainSession {
  readonly decoder: Decoder;
  readonly adapter: Adapter;
  readonly config: TrainSessionConfig;
  readonly #handle: NativeHandle;

  private constructor(adapter: Adapter, config: TrainSessionConfig, handle: NativeHandle) {
    this.decoder = adapter.decoder;
    this.adapter = adapter;
    this.config = config;
    this.#handle = handle;
  }

  /** @throws {AceError} ERR_CONFIG, ERR_OUT_OF_MEMORY */
  static async open(decoder: Decoder, adapter: Adapter, config: TrainSessionConfig): Promise<TrainSession> {
    const handle = await binding().openSession(decoderHandle(decoder), adapterHandle(adapter), config);
    return new TrainSession(adapter, config, handle);
  }

  /** Copies a sample to the device; resolves to the number that {@link SampleRef.sample} names. */
  async addSample(sample: TrainSample): Promise<number> {
    return await binding().sessionAddSample(this.#handle, sample);
  }

  /** One optimizer step over all micro-batches as if they were one batch. */
  async step(input: StepInput): Promise<StepResult> {
    const { moduleNorms: norms, ...result } = await binding().sessionStep(this.#handle, input);
    if (norms === undefined) return result;
    const named = this.adapter.modules.map(({ name }, i) => [name, norms[i] ?? Number.NaN] as const);
    return { ...result, moduleNorms: Object.fromEntries(named) };
  }

  /**
   * Losses alone: no update, no dropout, no condition dropped unless a {@link SampleRef} says so. The same `seed` and
   * `step` give the same noise and timesteps, so that two calls can be compared.
   */
  async evaluate(
    microBatches: readonly (readonly SampleRef[])[],
    options: { readonly seed?: number; readonly step?: number } = {},
  ): Promise<{ loss: number; samples: readonly SampleResult[] }> {
    const seed = options.seed ?? this.config.seed;
    const { loss, samples } = await binding().sessionEvaluate(
      this.#handle,
      microBatches,
      seed,
      options.step ?? 0,
    );
    return { loss, samples };
  }

  /**
   * The optimizer's state: tensors such as `exp_avg.<tensor>` (float32, or bytes where they are kept so), and numbers such
   * as `updates` (float64, [1]).
   */
  async state(): Promise<Record<string, HostTensor>> {
    return await binding().sessionState(this.#handle);
  }

  /**
   * Goes on from a saved state, bit for bit, beside the parameters it was saved with.
   *
   * @throws {AceError} ERR_CHECKPOINT when it belongs to another optimizer or adapter
   */
  async setState(state: Readonly<Record<string, HostTensor>>): Promise<void> {
    const { updates } = state;
    if (updates?.dtype !== "F64" || updates.data.byteLength !== 8)
      throw new AceError("ERR_CHECKPOINT", "optimizer state: expected `updates`, one float64");
    const count = new Float64Array(updates.data.slice().buffer)[0] ?? 0;
    if (!Number.isInteger(count) || count < 0)
      throw new AceError("ERR_CHECKPOINT", `optimizer state: updates is ${count}; expected a whole number`);
    await binding().sessionSetState(this.#handle, state);
  }

  /** Gradients of the last step before clipping, under the adapter's file names. */
  async gradients(): Promise<Record<string, HostTensor>> {
    return await binding().sessionGradients(this.#handle);
  }

  /** Bytes that are allocated now, by part. */
  async memory(): Promise<MemoryPlan> {
    return await binding().sessionMemory(this.#handle);
  }

  /** The program of the last shape, one kernel call a line. */
  async describe(): Promise<string> {
    return await binding().sessionDescribe(this.#handle);
  }

  close(): void {
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
