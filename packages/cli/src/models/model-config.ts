import { readFileSync } from "node:fs";
import { AceError, notJson } from "@acewright/core-native";
import { z } from "zod";

const size = z.number().int().min(1).max(1_000_000);

/** The numbers of a music model's config.json that fix the shapes of its weights. */
const MusicConfig = z
  .object({
    model_version: z.string().default("unknown"),
    hidden_size: size,
    intermediate_size: size,
    num_hidden_layers: size.max(1024),
    num_attention_heads: size,
    num_key_value_heads: size,
    head_dim: size.default(128),
    in_channels: size.default(192),
    audio_acoustic_hidden_dim: size.default(64),
    patch_size: size.default(2),
    text_hidden_dim: size.default(1024),
    timbre_hidden_dim: size.default(64),
    num_lyric_encoder_hidden_layers: size.max(1024),
    num_timbre_encoder_hidden_layers: size.max(1024),
    num_attention_pooler_hidden_layers: size.max(1024),
    pool_window_size: size.default(5),
    fsq_input_levels: z.array(size).default([8, 8, 8, 5, 5, 5]),
    // Present in XL only, where the condition encoder is narrower than the decoder.
    encoder_hidden_size: size.optional(),
    encoder_intermediate_size: size.optional(),
    encoder_num_attention_heads: size.optional(),
    encoder_num_key_value_heads: size.optional(),
  })
  .transform((config) => ({
    ...config,
    isXl: config.encoder_hidden_size !== undefined,
    encoder: {
      hidden_size: config.encoder_hidden_size ?? config.hidden_size,
      intermediate_size: config.encoder_intermediate_size ?? config.intermediate_size,
      num_attention_heads: config.encoder_num_attention_heads ?? config.num_attention_heads,
      num_key_value_heads: config.encoder_num_key_value_heads ?? config.num_key_value_heads,
      head_dim: config.head_dim,
    },
  }));
export type MusicConfig = z.infer<typeof MusicConfig>;

const VaeConfig = z.object({
  decoder_channels: size,
  decoder_input_channels: size.default(64),
  encoder_hidden_size: size,
  audio_channels: size.default(2),
  channel_multiples: z.array(size).nonempty(),
  downsampling_ratios: z.array(size).nonempty(),
});
export type VaeConfig = z.infer<typeof VaeConfig>;

const TextConfig = z.object({
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size.max(1024),
  num_attention_heads: size,
  num_key_value_heads: size,
  head_dim: size.default(128),
  vocab_size: size,
});
export type TextConfig = z.infer<typeof TextConfig>;

/** @throws {AceError} ERR_FILE where the file is missing or not JSON, ERR_CHECKPOINT where a number is missing or wrong */
export function readMusicConfig(path: string): MusicConfig {
  return readConfig(path, MusicConfig);
}

/** @throws {AceError} as {@link readMusicConfig} */
export function readVaeConfig(path: string): VaeConfig {
  return readConfig(path, VaeConfig);
}

/** @throws {AceError} as {@link readMusicConfig} */
export function readTextConfig(path: string): TextConfig {
  return readConfig(path, TextConfig);
}

function readConfig<T>(path: string, schema: z.ZodType<T>): T {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new AceError("ERR_FILE", `${path}: ${notJson(cause)}`, { cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AceError(
    "ERR_CHECKPOINT",
    `${path}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}`,
  );
}
