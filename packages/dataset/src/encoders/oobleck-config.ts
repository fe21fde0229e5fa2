import { AceError } from "@acewright/core-native";
import { join } from "node:path";
import { z } from "zod";
import { readConfigFile } from "./config-file.js";

const size = z.int().positive().max(65_536);

const schema = z.object({
  audio_channels: z.literal(2),
  channel_multiples: z.array(size).min(1),
  decoder_channels: size,
  decoder_input_channels: size,
  downsampling_ratios: z.array(size).min(1),
  encoder_hidden_size: size,
  sampling_rate: z.literal(48_000),
});

/** Sizes of an Oobleck autoencoder, from `vae/config.json`. */
export interface OobleckConfig {
  readonly audioChannels: number;
  readonly channelMultiples: readonly number[];
  readonly encoderWidth: number;
  readonly decoderWidth: number;
  readonly latentChannels: number;
  readonly ratios: readonly number[];
  /** Samples of one latent frame. */
  readonly hop: number;
}

/** @throws {AceError} ERR_FILE or ERR_CHECKPOINT when the config is missing or not an Oobleck autoencoder's. */
export function readOobleckConfig(folder: string): OobleckConfig {
  const path = join(folder, "config.json");
  const config = readConfigFile(path, schema);
  const { channel_multiples: channelMultiples, downsampling_ratios: ratios } = config;
  if (channelMultiples.length !== ratios.length) {
    throw new AceError("ERR_CHECKPOINT", `${path}: ${channelMultiples.length} channel_multiples, but ${ratios.length} downsampling_ratios`); // prettier-ignore
  }
  return {
    audioChannels: config.audio_channels,
    channelMultiples,
    encoderWidth: config.encoder_hidden_size,
    decoderWidth: config.decoder_channels,
    latentChannels: config.decoder_input_channels,
    ratios,
    hop: ratios.reduce((product, ratio) => product * ratio, 1),
  };
}

/** Samples to either side that a block's three residual units see: kernel 7, dilations 1, 3, 9. */
const residualReach = 3 * (1 + 3 + 9);

/** Frames to either side that the encoder looks at for one frame: a tile that reads so much further has no seam. */
export function encoderReach({ ratios, hop }: OobleckConfig): number {
  let samples = 3;
  let step = 1;
  for (const ratio of ratios) {
    // The strided convolution has kernel 2 q and padding ceil(q / 2).
    const strided = Math.max(Math.ceil(ratio / 2), 2 * ratio - 1 - Math.ceil(ratio / 2));
    samples += step * (residualReach + strided);
    step *= ratio;
  }
  return Math.ceil((samples + step) / hop);
}

/** The same for the decoder. */
export function decoderReach({ ratios }: OobleckConfig): number {
  let frames = 3;
  let samplesPerFrame = 1;
  for (const ratio of [...ratios].reverse()) {
    frames += 1 / samplesPerFrame;
    samplesPerFrame *= ratio;
    frames += residualReach / samplesPerFrame;
  }
  return Math.ceil(frames + 3 / samplesPerFrame);
}
