import {
  Adapter,
  Decoder,
  openDevice,
  planMemory,
  readModelConfig,
  Sampler,
  TrainSession,
  type Device,
} from "@acewright/core-native";
import { resolveModelFolders } from "@acewright/dataset";
import type {
  AdapterPort,
  DecoderPort,
  DevicePort,
  NativePort,
  PlanningPort,
  SessionPort,
} from "./native-port.js";

/** The native core itself. */
export const native: NativePort = {
  openDevice: (name, threads) => devicePort(openDevice(name, threads === undefined ? {} : { threads })),
  assumeDevice: (kind, memoryBytes, threads) => {
    const device = openDevice("cpu", threads === undefined ? {} : { threads });
    return {
      ...planningPort(device, kind),
      info: {
        ...device.info,
        ...(kind === "cuda" && {
          name: "cuda:0",
          description: "a CUDA device that need not be here",
          instructionSet: "any",
        }),
        memoryBytes,
        freeBytes: memoryBytes,
      },
    };
  },
};

function planningPort(device: Device, kind: "cpu" | "cuda"): PlanningPort {
  return {
    info: device.info,
    readModel: (path) => {
      const folder = musicModelFolder(path);
      return { folder, config: readModelConfig(folder) };
    },
    planMemory: (folder, request) => planMemory(folder, request, { device, kind }),
  };
}

function devicePort(device: Device): DevicePort {
  return {
    ...planningPort(device, device.info.name === "cpu" ? "cpu" : "cuda"),
    openDecoder: async (folder) => decoderPort(await Decoder.open(folder, { device })),
    algorithms: () => device.algorithms(),
    useAlgorithms: (record) => device.useAlgorithms(record),
  };
}

/** Only the music model is trained: that its neighbours are missing is no matter here. */
export function musicModelFolder(path: string): string {
  return resolveModelFolders(path, { vae: path, textEncoder: path }).model;
}

function decoderPort(decoder: Decoder): DecoderPort {
  return {
    createAdapter: async (config, seed) => adapterPort(await Adapter.create(decoder, config, seed)),
    close: () => {
      decoder.close();
    },
  };
}

function adapterPort(adapter: Adapter): AdapterPort {
  return {
    parameterCount: adapter.parameterCount,
    save: (folder, metadata) => adapter.save(folder, metadata),
    tensors: () => adapter.tensors(),
    setTensors: (tensors) => adapter.setTensors(tensors),
    effect: () => adapter.effect(),
    sample: async (request) => {
      const sampler = new Sampler(adapter.decoder, [{ adapter, scale: 1 }]);
      try {
        return await sampler.sample(request);
      } finally {
        sampler.close();
      }
    },
    openSession: (config): Promise<SessionPort> => TrainSession.open(adapter.decoder, adapter, config),
    close: () => {
      adapter.close();
    },
  };
}
