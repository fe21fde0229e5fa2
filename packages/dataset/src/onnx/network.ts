import { AceError } from "@acewright/core-native";
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { EncoderDevice } from "./execution-device.js";
import type { OnnxModel } from "./graph-builder.js";

/** A dense array that goes in or comes out. */
export interface NetworkTensor {
  readonly data: Float32Array | BigInt64Array;
  readonly shape: readonly number[];
}

export interface NetworkOptions {
  readonly device: EncoderDevice;
  /** Cores one run may use; default all that onnxruntime sees. */
  readonly threads?: number | undefined;
}

/** A loaded network. */
export class Network {
  readonly #session: InferenceSession;
  readonly #name: string;

  private constructor(session: InferenceSession, name: string) {
    this.#session = session;
    this.#name = name;
  }

  /** @throws {AceError} ERR_CHECKPOINT when the runtime refuses the model, with its own words. */
  static async open(name: string, model: OnnxModel, options: NetworkOptions): Promise<Network> {
    const session = {
      ...(model.weightsFolder === undefined
        ? {}
        : { model_external_initializers_file_folder_path: model.weightsFolder }),
      // Waiting threads sleep: other parts of the process share these cores.
      intra_op: { allow_spinning: "0" },
    };
    try {
      const created = await InferenceSession.create(model.bytes, {
        executionProviders: [options.device.name],
        ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
        logSeverityLevel: 3,
        // Lengths differ from run to run: a pattern learnt from one would only hold memory for the next.
        enableMemPattern: false,
        extra: { session },
      });
      return new Network(created, name);
    } catch (cause) {
      throw new AceError(
        "ERR_CHECKPOINT",
        `${name}: onnxruntime refuses the network: ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  /**
   * One pass.
   *
   * @param outputs names of the results wanted; default all.
   * @throws {AceError} ERR_OUT_OF_MEMORY or ERR_INTERNAL with the runtime's own words.
   */
  async run(
    inputs: Readonly<Record<string, NetworkTensor>>,
    outputs?: readonly string[],
  ): Promise<Record<string, Float32Array>> {
    const feeds: Record<string, Tensor> = {};
    for (const [name, { data, shape }] of Object.entries(inputs)) {
      feeds[name] =
        data instanceof Float32Array ? new Tensor("float32", data, shape) : new Tensor("int64", data, shape);
    }
    let results: InferenceSession.OnnxValueMapType;
    try {
      results = await this.#session.run(feeds, outputs ?? this.#session.outputNames);
    } catch (cause) {
      const message = (cause as Error).message;
      const isMemory = /alloc|memory/i.test(message);
      throw new AceError(isMemory ? "ERR_OUT_OF_MEMORY" : "ERR_INTERNAL", `${this.#name}: ${message}`, {
        cause,
      });
    }
    return Object.fromEntries(
      Object.entries(results).map(([name, value]) => [name, value.data as Float32Array]),
    );
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}
