import type { MusicConfig, TextConfig, VaeConfig } from "./model-config.js";

/** Every weight a checkpoint of these numbers has, with its shape. */
export type ExpectedTensors = ReadonlyMap<string, readonly number[]>;

interface Widths {
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
}

type Add = (name: string, ...shape: number[]) => void;

function collect(fill: (add: Add) => void): ExpectedTensors {
  const tensors = new Map<string, readonly number[]>();
  fill((name, ...shape) => tensors.set(name, shape));
  return tensors;
}

/** Weights of decoder, condition encoder, audio tokenizer and detokenizer. */
export function musicTensors(config: MusicConfig): ExpectedTensors {
  return collect((add) => {
    add("null_condition_emb", 1, 1, config.encoder.hidden_size);
    addDecoder(add, config);
    addConditionEncoder(add, config);
    addTokenizer(add, config);
    addDetokenizer(add, config);
  });
}

function addDecoder(add: Add, config: MusicConfig): void {
  const { hidden_size: d, audio_acoustic_hidden_dim: channels, patch_size: patch } = config;
  add("decoder.scale_shift_table", 1, 2, d);
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const layer = `decoder.layers.${i}`;
    add(`${layer}.scale_shift_table`, 1, 6, d);
    for (const norm of ["self_attn_norm", "cross_attn_norm", "mlp_norm"]) add(`${layer}.${norm}.weight`, d);
    addAttention(add, `${layer}.self_attn`, config);
    addAttention(add, `${layer}.cross_attn`, config);
    addMlp(add, `${layer}.mlp`, config);
  }
  addLinear(add, "decoder.condition_embedder", d, config.encoder.hidden_size);
  add("decoder.proj_in.1.weight", d, config.in_channels, patch);
  add("decoder.proj_in.1.bias", d);
  add("decoder.proj_out.1.weight", d, channels, patch);
  add("decoder.proj_out.1.bias", channels);
  add("decoder.norm_out.weight", d);
  for (const embedder of ["time_embed", "time_embed_r"]) {
    addLinear(add, `decoder.${embedder}.linear_1`, d, 256);
    addLinear(add, `decoder.${embedder}.linear_2`, d, d);
    addLinear(add, `decoder.${embedder}.time_proj`, 6 * d, d);
  }
}

function addConditionEncoder(add: Add, config: MusicConfig): void {
  const e = config.encoder.hidden_size;
  add("encoder.text_projector.weight", e, config.text_hidden_dim);
  addStack(
    add,
    "encoder.lyric_encoder",
    config,
    config.num_lyric_encoder_hidden_layers,
    config.text_hidden_dim,
  );
  addStack(
    add,
    "encoder.timbre_encoder",
    config,
    config.num_timbre_encoder_hidden_layers,
    config.timbre_hidden_dim,
  );
  add("encoder.timbre_encoder.special_token", 1, 1, e);
}

function addTokenizer(add: Add, config: MusicConfig): void {
  const e = config.encoder.hidden_size;
  const levels = config.fsq_input_levels.length;
  addLinear(add, "tokenizer.audio_acoustic_proj", e, config.audio_acoustic_hidden_dim);
  addStack(add, "tokenizer.attention_pooler", config, config.num_attention_pooler_hidden_layers, e);
  add("tokenizer.attention_pooler.special_token", 1, 1, e);
  addLinear(add, "tokenizer.quantizer.project_in", levels, e);
  addLinear(add, "tokenizer.quantizer.project_out", e, levels);
}

function addDetokenizer(add: Add, config: MusicConfig): void {
  const e = config.encoder.hidden_size;
  addStack(add, "detokenizer", config, config.num_attention_pooler_hidden_layers, e);
  add("detokenizer.special_tokens", 1, config.pool_window_size, e);
  addLinear(add, "detokenizer.proj_out", config.audio_acoustic_hidden_dim, e);
}

/** An input projection, bidirectional layers and a norm, all as wide as the condition encoder. */
function addStack(
  add: Add,
  name: string,
  { encoder }: MusicConfig,
  layers: number,
  inputWidth: number,
): void {
  addLinear(add, `${name}.embed_tokens`, encoder.hidden_size, inputWidth);
  for (let i = 0; i < layers; i++) addEncoderLayer(add, `${name}.layers.${i}`, encoder);
  add(`${name}.norm.weight`, encoder.hidden_size);
}

function addEncoderLayer(add: Add, name: string, widths: Widths): void {
  add(`${name}.input_layernorm.weight`, widths.hidden_size);
  add(`${name}.post_attention_layernorm.weight`, widths.hidden_size);
  addAttention(add, `${name}.self_attn`, widths);
  addMlp(add, `${name}.mlp`, widths);
}

function addAttention(add: Add, name: string, widths: Widths): void {
  const { hidden_size: d, head_dim: head } = widths;
  const [q, kv] = [widths.num_attention_heads * head, widths.num_key_value_heads * head];
  add(`${name}.q_proj.weight`, q, d);
  add(`${name}.k_proj.weight`, kv, d);
  add(`${name}.v_proj.weight`, kv, d);
  add(`${name}.o_proj.weight`, d, q);
  add(`${name}.q_norm.weight`, head);
  add(`${name}.k_norm.weight`, head);
}

function addMlp(add: Add, name: string, { hidden_size: d, intermediate_size: f }: Widths): void {
  add(`${name}.gate_proj.weight`, f, d);
  add(`${name}.up_proj.weight`, f, d);
  add(`${name}.down_proj.weight`, d, f);
}

function addLinear(add: Add, name: string, out: number, inputs: number): void {
  add(`${name}.weight`, out, inputs);
  add(`${name}.bias`, out);
}

/** Weights of the text encoder, without the `model.` that some exports put in front of each name. */
export function textTensors(config: TextConfig): ExpectedTensors {
  return collect((add) => {
    add("embed_tokens.weight", config.vocab_size, config.hidden_size);
    for (let i = 0; i < config.num_hidden_layers; i++) addEncoderLayer(add, `layers.${i}`, config);
    add("norm.weight", config.hidden_size);
  });
}

/** Weights of the Oobleck autoencoder; each convolution is a direction `weight_v` and a length `weight_g`. */
export function vaeTensors(config: VaeConfig): ExpectedTensors {
  const latents = config.decoder_input_channels;
  const strides = config.downsampling_ratios;
  // The widths between the blocks: the first multiple is used twice.
  const multiples = [1, ...config.channel_multiples];
  const widthsOf = (base: number): number[] => multiples.map((multiple) => multiple * base);
  return collect((add) => {
    const encoder = widthsOf(config.encoder_hidden_size);
    const [first = 0, last = 0] = [encoder[0], encoder.at(-1)];
    addConv(add, "encoder.conv1", first, config.audio_channels, 7);
    strides.forEach((stride, i) => {
      const [from = 0, to = 0] = encoder.slice(i, i + 2);
      for (const unit of [1, 2, 3]) addResUnit(add, `encoder.block.${i}.res_unit${unit}`, from);
      addSnake(add, `encoder.block.${i}.snake1`, from);
      addConv(add, `encoder.block.${i}.conv1`, to, from, 2 * stride);
    });
    addSnake(add, "encoder.snake1", last);
    // Mean and deviation of every latent channel, whatever encoder_hidden_size says.
    addConv(add, "encoder.conv2", 2 * latents, last, 3);

    const decoder = widthsOf(config.decoder_channels).reverse();
    const [widest = 0, narrowest = 0] = [decoder[0], decoder.at(-1)];
    addConv(add, "decoder.conv1", widest, latents, 7);
    [...strides].reverse().forEach((stride, i) => {
      const [from = 0, to = 0] = decoder.slice(i, i + 2);
      addSnake(add, `decoder.block.${i}.snake1`, from);
      add(`decoder.block.${i}.conv_t1.weight_g`, from, 1, 1);
      add(`decoder.block.${i}.conv_t1.weight_v`, from, to, 2 * stride);
      add(`decoder.block.${i}.conv_t1.bias`, to);
      for (const unit of [1, 2, 3]) addResUnit(add, `decoder.block.${i}.res_unit${unit}`, to);
    });
    addSnake(add, "decoder.snake1", narrowest);
    add("decoder.conv2.weight_g", config.audio_channels, 1, 1);
    add("decoder.conv2.weight_v", config.audio_channels, narrowest, 7);
  });
}

function addConv(add: Add, name: string, out: number, inputs: number, kernel: number): void {
  add(`${name}.weight_g`, out, 1, 1);
  add(`${name}.weight_v`, out, inputs, kernel);
  add(`${name}.bias`, out);
}

function addSnake(add: Add, name: string, channels: number): void {
  add(`${name}.alpha`, 1, channels, 1);
  add(`${name}.beta`, 1, channels, 1);
}

function addResUnit(add: Add, name: string, channels: number): void {
  addSnake(add, `${name}.snake1`, channels);
  addConv(add, `${name}.conv1`, channels, channels, 7);
  addSnake(add, `${name}.snake2`, channels);
  addConv(add, `${name}.conv2`, channels, channels, 1);
}
