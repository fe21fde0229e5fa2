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
