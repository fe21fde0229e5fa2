import { resolveEncoderDevice } from "../onnx/execution-device.js";
import type { EncoderDeviceName } from "../onnx/execution-device.js";
import type { LatentPosterior, StereoWave, TilingOptions } from "./vae.js";
import { VaeDecoder, VaeEncoder } from "./vae.js";

export interface LatentsOptions extends TilingOptions {
  readonly device?: EncoderDeviceName;
  /** CPU cores the network may use; default all. */
  readonly threads?: number;
}

/**
 * Encodes one 48 kHz stereo wave to its latent posterior, [frames, 64] at 25 frames a second. For many waves open a
 * {@link VaeEncoder} once instead.
 *
 * @param vaeFolder with config.json and weights; @throws {AceError} ERR_FILE, ERR_CHECKPOINT, ERR_DEVICE, ERR_SHAPE.
 */
export async function encodeLatents(
  vaeFolder: string,
  wave: StereoWave,
  options: LatentsOptions = {},
): Promise<LatentPosterior> {
  const { device = "auto", threads, ...tiling } = options;
  const encoder = await VaeEncoder.open(vaeFolder, { device: await resolveEncoderDevice(device), threads });
  try {
    return await encoder.encode(wave, tiling);
  } finally {
    await encoder.close();
  }
}

/**
 * Decodes latents [frames, 64] to a 48 kHz stereo wave of 1920 samples a frame, not limited in level. For many waves
 * open a {@link VaeDecoder} once instead.
 *
 * @param vaeFolder with config.json and weights; @throws {AceError} ERR_FILE, ERR_CHECKPOINT, ERR_DEVICE, ERR_SHAPE.
 */
export async function decodeLatents(
  vaeFolder: string,
  latents: Float32Array,
  options: LatentsOptions = {},
): Promise<[Float32Array, Float32Array]> {
  const { device = "auto", threads, ...tiling } = options;
  const decoder = await VaeDecoder.open(vaeFolder, { device: await resolveEncoderDevice(device), threads });
  try {
    return await decoder.decode(latents, tiling);
  } finally {
    await decoder.close();
  }
}
