import type { CheckpointWeights } from "../onnx/checkpoint-weights.js";
import type { OnnxModel, Value } from "../onnx/graph-builder.js";
import { GraphBuilder } from "../onnx/graph-builder.js";
import type { OobleckConfig } from "./oobleck-config.js";

// Shapes: B batch, C channels, N samples or frames; all activations are [B, C, N].

/** Dilations of the three residual units of a block. */
const dilations = [1, 3, 9];

/** wave [B, 2, N] -> mean, std [B, latent channels, floor(N / hop)]; with trace also `enc.block{i}`. */
export function oobleckEncoder(config: OobleckConfig, weights: CheckpointWeights, trace = false): OnnxModel {
  const net = new OobleckGraph(weights);
  const { graph } = net;
  const widths = [1, ...config.channelMultiples].map((multiple) => multiple * config.encoderWidth);
  const deepest = widths.at(-1) as number;
  const shape = ["batch", config.latentChannels, "frames"];

  const wave = graph.input("wave", "F32", ["batch", config.audioChannels, "samples"]);
  let x = net.conv("encoder.conv1", wave, {
    from: config.audioChannels,
    to: widths[0] as number,
    kernel: 7,
    padding: 3,
  });
  for (const [i, stride] of config.ratios.entries()) {
    const [from, to] = [widths[i] as number, widths[i + 1] as number];
    const block = `encoder.block.${i}`;
    x = net.residualUnits(block, x, from);
    x = net.snake(`${block}.snake1`, x, from);
    x = net.conv(`${block}.conv1`, x, {
      from,
      to,
      kernel: 2 * stride,
      stride,
      padding: Math.ceil(stride / 2),
    });
    if (trace) graph.output(`enc.block${i}`, x, "F32", ["batch", to, `frames_${i}`]);
  }
  x = net.snake("encoder.snake1", x, deepest);
  // Twice the latent channels: not encoder_hidden_size, which equals it in the published files only by chance.
  x = net.conv("encoder.conv2", x, { from: deepest, to: 2 * config.latentChannels, kernel: 3, padding: 1 });
  const [mean, raw] = graph.nodes("Split", [x], { axis: { int: 1 }, num_outputs: { int: 2 } }, 2) as [
    Value,
    Value,
  ];
  graph.output("mean", mean, "F32", shape);
  graph.output("std", graph.node("Add", [graph.node("Softplus", [raw]), graph.scalar(1e-4)]), "F32", shape);
  return graph.model("oobleck_encoder");
}

/** latents [B, latent channels, N] -> wave [B, 2, N hop]; with trace also `dec.block{i}`. */
export function oobleckDecoder(config: OobleckConfig, weights: CheckpointWeights, trace = false): OnnxModel {
  const net = new OobleckGraph(weights);
  const { graph } = net;
  const widths = [1, ...config.channelMultiples].map((multiple) => multiple * config.decoderWidth).reverse();
  const ratios = [...config.ratios].reverse();
  const last = widths.at(-1) as number;

  const latents = graph.input("latents", "F32", ["batch", config.latentChannels, "frames"]);
  let x = net.conv("decoder.conv1", latents, {
    from: config.latentChannels,
    to: widths[0] as number,
    kernel: 7,
    padding: 3,
  });
  for (const [i, stride] of ratios.entries()) {
    const [from, to] = [widths[i] as number, widths[i + 1] as number];
    const block = `decoder.block.${i}`;
    x = net.snake(`${block}.snake1`, x, from);
    x = net.convTranspose(`${block}.conv_t1`, x, {
      from,
      to,
      kernel: 2 * stride,
      stride,
      padding: Math.ceil(stride / 2),
    });
    x = net.residualUnits(block, x, to);
    if (trace) graph.output(`dec.block${i}`, x, "F32", ["batch", to, `samples_${i}`]);
  }
  x = net.snake("decoder.snake1", x, last);
  x = net.conv("decoder.conv2", x, {
    from: last,
    to: config.audioChannels,
    kernel: 7,
    padding: 3,
    bias: false,
  });
  graph.output("wave", x, "F32", ["batch", config.audioChannels, "samples"]);
  return graph.model("oobleck_decoder");
}

interface ConvShape {
  readonly from: number;
  readonly to: number;
  readonly kernel: number;
  readonly padding: number;
  readonly stride?: number;
  readonly dilation?: number;
  readonly bias?: boolean;
}

class OobleckGraph {
  readonly graph = new GraphBuilder();
  readonly #weights: CheckpointWeights;

  constructor(weights: CheckpointWeights) {
    this.#weights = weights;
  }

  conv(name: string, x: Value, shape: ConvShape): Value {
    const { from, to, kernel, padding, stride = 1, dilation = 1, bias = true } = shape;
    const inputs = [x, this.#normalisedWeight(name, [to, from, kernel])];
    if (bias) inputs.push(this.#weights.float32(this.graph, `${name}.bias`, [to]));
    return this.graph.node("Conv", inputs, {
      kernel_shape: { ints: [kernel] },
      pads: { ints: [padding, padding] },
      strides: { ints: [stride] },
      dilations: { ints: [dilation] },
    });
  }

  convTranspose(name: string, x: Value, { from, to, kernel, padding, stride = 1 }: ConvShape): Value {
    const weight = this.#normalisedWeight(name, [from, to, kernel]);
    const bias = this.#weights.float32(this.graph, `${name}.bias`, [to]);
    return this.graph.node("ConvTranspose", [x, weight, bias], {
      kernel_shape: { ints: [kernel] },
      pads: { ints: [padding, padding] },
      strides: { ints: [stride] },
    });
  }

  /** x + sin^2(e^alpha x) / (e^beta + 1e-9), per channel. */
  snake(name: string, x: Value, channels: number): Value {
    const { graph } = this;
    const alpha = graph.node("Exp", [this.#weights.float32(graph, `${name}.alpha`, [1, channels, 1])]);
    const beta = graph.node("Exp", [this.#weights.float32(graph, `${name}.beta`, [1, channels, 1])]);
    const height = graph.node("Reciprocal", [graph.node("Add", [beta, graph.scalar(1e-9)])]);
    const sine = graph.node("Sin", [graph.node("Mul", [x, alpha])]);
    return graph.node("Add", [x, graph.node("Mul", [graph.node("Mul", [sine, sine]), height])]);
  }

  residualUnits(block: string, input: Value, channels: number): Value {
    let x = input;
    for (const [i, dilation] of dilations.entries()) {
      const unit = `${block}.res_unit${i + 1}`;
      let y = this.snake(`${unit}.snake1`, x, channels);
      y = this.conv(`${unit}.conv1`, y, {
        from: channels,
        to: channels,
        kernel: 7,
        dilation,
        padding: 3 * dilation,
      });
      y = this.snake(`${unit}.snake2`, y, channels);
      y = this.conv(`${unit}.conv2`, y, { from: channels, to: channels, kernel: 1, padding: 0 });
      x = this.graph.node("Add", [x, y]);
    }
    return x;
  }

  /**
   * Weight norm, g v / |v|, over all axes but the first as the weight is stored: per output channel, for transposed
   * convolutions per input channel. Only constants go in, so the runtime computes it once, when it loads.
   */
  #normalisedWeight(name: string, shape: readonly [number, number, number]): Value {
    const { graph } = this;
    const direction = this.#weights.float32(graph, `${name}.weight_v`, shape);
    const length = this.#weights.float32(graph, `${name}.weight_g`, [shape[0], 1, 1]);
    const norm = graph.node("ReduceL2", [direction, graph.integers([1, 2])], { keepdims: { int: 1 } });
    return graph.node("Mul", [direction, graph.node("Div", [length, norm])]);
  }
}
