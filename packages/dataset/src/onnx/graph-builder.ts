import type { CheckpointEntry } from "@acewright/core-native";
import { AceError } from "@acewright/core-native";
import { basename, dirname } from "node:path";
import { realpathSync } from "node:fs";
import { ProtoWriter } from "./proto-writer.js";

/** A tensor inside the graph, by its name. */
export type Value = string & { readonly __value: unique symbol };

/** `batch` and the like are lengths known only when the graph runs. */
export type Dimension = number | string;

/** Numbers of onnx.proto's TensorProto.DataType. */
const dataTypes = { F32: 1, I32: 6, I64: 7, F16: 10, F64: 11, BF16: 16 } as const;
const floatTypes: readonly string[] = ["F32", "BF16", "F16", "F64"];
export type GraphType = keyof typeof dataTypes;

type Attribute = { readonly int: number } | { readonly ints: readonly number[] } | { readonly float: number };

/** Bytes of a model and the folder its external weights lie in. */
export interface OnnxModel {
  readonly bytes: Uint8Array;
  /** Undefined when all weights are inside. */
  readonly weightsFolder: string | undefined;
}

/**
 * Describes a network as an ONNX model. Weights of a checkpoint are not copied: the model names file, offset and
 * length, and the runtime reads them from there.
 */
export class GraphBuilder {
  readonly #graph = new ProtoWriter();
  readonly #external = new Map<string, Value>();
  #count = 0;
  #weightsFolder: string | undefined;

  input(name: string, type: GraphType, shape: readonly Dimension[]): Value {
    this.#graph.message(11, valueInfo(name, type, shape));
    return name as Value;
  }

  output(name: string, value: Value, type: GraphType, shape: readonly Dimension[]): void {
    this.#graph.message(1, nodeProto("Identity", [value], [name], {}));
    this.#graph.message(12, valueInfo(name, type, shape));
  }

  /** One operator with one result. */
  node(
    operator: string,
    inputs: readonly Value[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Value {
    const output = this.#name(operator);
    this.#graph.message(1, nodeProto(operator, inputs, [output], attributes));
    return output;
  }

  /** One operator with several results. */
  nodes(
    operator: string,
    inputs: readonly Value[],
    attributes: Readonly<Record<string, Attribute>>,
    outputs: number,
  ): Value[] {
    const names = Array.from({ length: outputs }, () => this.#name(operator));
    this.#graph.message(1, nodeProto(operator, inputs, names, attributes));
    return names;
  }

  floats(values: Float32Array, shape: readonly number[]): Value {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return this.#initializer(this.#name("floats"), "F32", shape, (tensor) => tensor.bytes(9, bytes));
  }

  /** A float32 constant without dimensions. */
  scalar(value: number): Value {
    return this.floats(Float32Array.of(value), []);
  }

  integers(values: readonly number[]): Value {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.#initializer(this.#name("integers"), "I64", [values.length], (tensor) =>
      tensor.bytes(9, bytes),
    );
  }

  /**
   * A weight of a checkpoint in its own dtype, read by the runtime straight from the checkpoint's file.
   *
   * @throws {AceError} ERR_FILE when weights lie in two folders; ERR_CHECKPOINT for a dtype no network here uses.
   */
  externalWeight(name: string, entry: CheckpointEntry): Value {
    const known = this.#external.get(name);
    if (known !== undefined) return known;
    if (!floatTypes.includes(entry.dtype)) {
      throw new AceError("ERR_CHECKPOINT", `${entry.file}: tensor ${JSON.stringify(name)} is ${entry.dtype}, expected one of ${floatTypes.join(", ")}`); // prettier-ignore
    }
    // The runtime refuses links that leave its folder; a Hugging Face cache is made of such links.
    const file = realpathSync(entry.file);
    this.#weightsFolder ??= dirname(file);
    if (dirname(file) !== this.#weightsFolder) {
      throw new AceError("ERR_FILE", `${entry.file}: its link leads to ${dirname(file)}, the other weights lie in ${this.#weightsFolder}; put them in one folder`); // prettier-ignore
    }
    const value = this.#initializer(name as Value, entry.dtype as GraphType, entry.shape, (tensor) => {
      const reference = {
        location: basename(file),
        offset: String(entry.byteOffset),
        length: String(entry.byteLength),
      };
      for (const [key, text] of Object.entries(reference)) {
        tensor.message(13, new ProtoWriter().string(1, key).string(2, text));
      }
      tensor.integer(14, 1); // data_location: EXTERNAL
    });
    this.#external.set(name, value);
    return value;
  }

  model(name: string): OnnxModel {
    const opset = new ProtoWriter().string(1, "").integer(2, 23);
    const model = new ProtoWriter()
      .integer(1, 10) // ir_version
      .string(2, "acewright")
      .message(7, this.#graph.string(2, name))
      .message(8, opset);
    return { bytes: model.finish(), weightsFolder: this.#weightsFolder };
  }

  #initializer(
    name: Value,
    type: GraphType,
    shape: readonly number[],
    content: (tensor: ProtoWriter) => void,
  ): Value {
    const tensor = new ProtoWriter().integers(1, shape).integer(2, dataTypes[type]).string(8, name);
    content(tensor);
    this.#graph.message(5, tensor);
    return name;
  }

  #name(of: string): Value {
    return `${of}_${this.#count++}` as Value;
  }
}

function valueInfo(name: string, type: GraphType, shape: readonly Dimension[]): ProtoWriter {
  const dimensions = new ProtoWriter();
  for (const length of shape) {
    const dimension = new ProtoWriter();
    if (typeof length === "number") dimension.integer(1, length);
    else dimension.string(2, length);
    dimensions.message(1, dimension);
  }
  const tensorType = new ProtoWriter().integer(1, dataTypes[type]).message(2, dimensions);
  return new ProtoWriter().string(1, name).message(2, new ProtoWriter().message(1, tensorType));
}

function nodeProto(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>>,
): ProtoWriter {
  const node = new ProtoWriter();
  for (const input of inputs) node.string(1, input);
  for (const output of outputs) node.string(2, output);
  node.string(4, operator);
  for (const [name, attribute] of Object.entries(attributes)) {
    const proto = new ProtoWriter().string(1, name);
    if ("int" in attribute) proto.integer(3, attribute.int).integer(20, 2);
    else if ("float" in attribute) proto.float(2, attribute.float).integer(20, 1);
    else {
      for (const value of attribute.ints) proto.integer(8, value);
      proto.integer(20, 7);
    }
    node.message(5, proto);
  }
  return node;
}
