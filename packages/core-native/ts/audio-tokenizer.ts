import type { NativeHandle } from "./binding.js";
import { defaultDevice, deviceHandle, type Device } from "./device.js";
import { binding } from "./load.js";

/** Latents to 5 Hz codes and back. */
export class AudioTokenizer {
  readonly #handle: NativeHandle;

  private constructor(handle: NativeHandle) {
    this.#handle = handle;
  }

  /** @throws {AceError} ERR_FILE, ERR_CHECKPOINT */
  static async open(
    checkpointFolder: string,
    options: { readonly device?: Device } = {},
  ): Promise<AudioTokenizer> {
    const device = options.device ?? defaultDevice();
    const { handle } = await binding().openTokenizer(deviceHandle(device), checkpointFolder);
    return new AudioTokenizer(handle);
  }

  /**
   * Codes of latents [frames, 64]; a last group of fewer than five frames is filled up from `silence` [>= 4, 64].
   *
   * @throws {AceError} ERR_SHAPE
   */
  async tokenize(
    latents: Float32Array,
    silence: Float32Array,
  ): Promise<{ codes: Int32Array; quantised: Float32Array }> {
    return await binding().tokenizeLatents(this.#handle, latents, silence);
  }

  /** Latents [5 codes, 64] at 25 Hz. */
  async detokenize(codes: Int32Array): Promise<Float32Array> {
    return await binding().detokenizeCodes(this.#handle, codes);
  }

  close(): void {
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
