import {
  AceError,
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
    tuneProducts: (on) => device.tuneProducts(on),
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
    continueFrom: (path) => continueFrom(adapter, path),
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

async function continueFrom(adapter: Adapter, path: string): Promise<void> {
  const { adapter: other } = await Adapter.load(adapter.decoder, path);
  try {
    const differences = differencesOf(adapter, other);
    if (differences.length > 0) {
      throw new AceError(
        "ERR_CONFIG",
        `from: ${path} is another adapter than the one to train: ${differences.join("; ")}; train with its settings`,
      );
    }
    await adapter.setTensors(await other.tensors());
  } finally {
    other.close();
  }
}

/** `theirs -> ours`, a line a difference; many modules that differ alike are told by the first. */
function differencesOf(ours: Adapter, theirs: Adapter): string[] {
  if (ours.config.kind !== theirs.config.kind) return [`kind ${theirs.config.kind} -> ${ours.config.kind}`];
  const mine = new Map(ours.modules.map((module) => [module.name, module]));
  const known = new Set(theirs.modules.map(({ name }) => name));
  const missing = ours.modules.filter(({ name }) => !known.has(name));
  const extra = theirs.modules.filter(({ name }) => !mine.has(name));
  const ranks = theirs.modules.filter(({ name, rank }) => mine.has(name) && mine.get(name)?.rank !== rank);
  const alphas = theirs.modules.filter(
    ({ name, alpha }) => mine.has(name) && mine.get(name)?.alpha !== alpha,
  );
  const first = (what: string, [module, ...rest]: typeof ranks, key: "rank" | "alpha") =>
    module === undefined
      ? []
      : [
          `${what} ${module[key]} -> ${mine.get(module.name)?.[key] ?? 0} of ${module.name}${rest.length > 0 ? ` and ${rest.length} more` : ""}`,
        ];
  return [
    ...(missing.length > 0
      ? [`it lacks ${missing.length} modules, the first is ${missing[0]?.name ?? ""}`]
      : []),
    ...(extra.length > 0
      ? [`it has ${extra.length} more modules, the first is ${extra[0]?.name ?? ""}`]
      : []),
    ...first("rank", ranks, "rank"),
    ...first("alpha", alphas, "alpha"),
  ];
}
