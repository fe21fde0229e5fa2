import type { NativeHandle } from "./binding.js";
import { defaultDevice, deviceHandle, type Device } from "./device.js";
import { checkpointFingerprint } from "./fingerprint.js";
import { binding } from "./load.js";
import type { ConditionRequest, ConditionResult, ModelConfig } from "./types.js";

/** The frozen condition encoder: text, lyrics and reference latents to the decoder's condition tokens. */
export class ConditionEncoder {
  readonly config: ModelConfig;
  readonly #handle: NativeHandle;

  private constructor(config: ModelConfig, handle: NativeHandle) {
    this.config = config;
    this.#handle = handle;
  }

  /** @throws {AceError} ERR_FILE, ERR_CHECKPOINT, ERR_OUT_OF_MEMORY */
  static async open(
    checkpointFolder: string,
    options: { readonly device?: Device } = {},
  ): Promise<ConditionEncoder> {
    const device = options.device ?? defaultDevice();
    const { handle, config } = await binding().openConditionEncoder(deviceHandle(device), checkpointFolder);
    return new ConditionEncoder({ ...config, fingerprint: checkpointFingerprint(checkpointFolder) }, handle);
  }

  /** @throws {AceError} ERR_SHAPE */
  async encode(request: ConditionRequest): Promise<ConditionResult> {
    const result = await binding().encodeCondition(this.#handle, {
      text: request.text,
      textMask: request.textMask,
      lyrics: request.lyrics,
      lyricMask: request.lyricMask,
      timbre: request.timbre,
    });
    const count = (mask: Uint8Array | undefined, all: number): number =>
      mask === undefined ? all : mask.reduce((sum, bit) => sum + (bit === 0 ? 0 : 1), 0);
    const lyrics = count(request.lyricMask, request.lyrics.length / this.config.textHiddenSize);
    const timbre = lyrics + request.timbre.length;
    const text = timbre + count(request.textMask, request.text.length / this.config.textHiddenSize);
    return {
      ...result,
      segments: { lyrics: [0, lyrics], timbre: [lyrics, timbre], text: [timbre, text] },
    };
  }

  close(): void {
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
