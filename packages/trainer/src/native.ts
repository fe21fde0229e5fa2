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
import type { AdapterPort, DecoderPort, DevicePort, NativePort, SessionPort } from "./native-port.js";

/** The native core itself. */
export const native: NativePort = {
  openDevice: (name, threads) => devicePort(openDevice(name, threads === undefined ? {} : { threads })),
};

function devicePort(device: Device): DevicePort {
  return {
    info: device.info,
    readModel: (path) => {
      const folder = musicModelFolder(path);
      return { folder, config: readModelConfig(folder) };
    },
    planMemory: (folder, request) => planMemory(folder, request, { device }),
    openDecoder: async (folder) => decoderPort(await Decoder.open(folder, { device })),
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
