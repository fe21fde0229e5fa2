import type { HostTensor } from "@acewright/core-native";
import { AceError } from "@acewright/core-native";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import type { PickleValue } from "./pickle.js";
import { PickleGlobal, readPickle } from "./pickle.js";
import type { TorchPart } from "./torch-tensor.js";
import { contiguous, isStorageType, storageOf, TorchStorage, TorchTensor, tensorOf } from "./torch-tensor.js";
import { ZipReader } from "./zip-reader.js";

/** What `torch.save` of plain data holds: tuples and lists are arrays, dicts are Maps. */
export type TorchValue =
  null | boolean | number | bigint | string | HostTensor | TorchValue[] | Map<string | number, TorchValue>;

/** The pickle itself only lists tensors; megabytes of it are something else. */
const maxPickleBytes = 64_000_000;
/** Values met on the walk; a pickle may refer to one list again and again. */
const maxValues = 1_000_000;
/**
 * All storages and tensors of a file together, beside a multiple of the file's own size: packed zeros and views that
 * repeat one number grow a millionfold, what torch.save writes of songs does not.
 */
const freeBytes = 64_000_000;
const bytesPerFileByte = 16;

const rebuildTensor = "torch._utils._rebuild_tensor_v2";
const orderedDict = "collections.OrderedDict";

/**
 * Reads a file of `torch.save` (zip format) that holds tensors, dicts, lists, strings and numbers. Nothing in the file
 * is ever run: the only names it may use are tensors, their storages and OrderedDict, and any other is refused.
 *
 * @throws {AceError} ERR_FILE naming the file and what was refused.
 */
export function readTorchFile(path: string): TorchValue {
  refuseLegacyFormat(path);
  return ZipReader.use(path, (zip) => {
    const pickles = zip.names.filter((name) => name === "data.pkl" || name.endsWith("/data.pkl"));
    const [pickleName] = pickles;
    if (pickleName === undefined || pickles.length > 1) {
      throw new AceError(
        "ERR_FILE",
        `${path}: holds ${pickles.length} entries data.pkl, a torch file has one`,
      );
    }
    const root = pickleName.slice(0, -"data.pkl".length);
    if (zip.names.includes(`${root}byteorder`)) {
      const order = new TextDecoder().decode(zip.read(`${root}byteorder`, 64)).trim();
      if (order !== "little")
        throw new AceError(
          "ERR_FILE",
          `${path}: is of byte order ${JSON.stringify(order)}, expected "little"`,
        );
    }
    const value = readPickle<TorchPart>(path, zip.read(pickleName, maxPickleBytes), torchRules(path));
    const maxTotalBytes = freeBytes + bytesPerFileByte * statSync(path).size;
    return new ValueWalk(path, maxTotalBytes, (storage) => zip.read(`${root}data/${storage.key}`)).plain(
      value,
      0,
    );
  });
}

function torchRules(path: string): Parameters<typeof readPickle<TorchPart>>[2] {
  return {
    allows: (global) => global === rebuildTensor || global === orderedDict || isStorageType(global),
    persistent: (id) => storageOf(path, id),
    reduce(global, args) {
      if (global === rebuildTensor) return tensorOf(path, args);
      if (global === orderedDict && args.length === 0) return new Map();
      throw new AceError("ERR_FILE", `${path}: its pickle calls ${global} in a form torch does not write`);
    },
  };
}

/** Turns what the pickle built into plain values, reading each storage once. */
class ValueWalk {
  readonly #path: string;
  readonly #maxTotalBytes: number;
  readonly #read: (storage: TorchStorage) => Uint8Array;
  readonly #storages = new Map<string, Uint8Array>();
  #count = 0;
  #totalBytes = 0;

  constructor(path: string, maxTotalBytes: number, read: (storage: TorchStorage) => Uint8Array) {
    this.#path = path;
    this.#maxTotalBytes = maxTotalBytes;
    this.#read = read;
  }

  plain(value: PickleValue<TorchPart>, depth: number): TorchValue {
    if (depth > 64 || ++this.#count > maxValues) throw this.#refuse("its values are nested without end");
    if (value instanceof TorchTensor) {
      this.#spend(value.shape.reduce((bytes, length) => bytes * length, value.storage.elementBytes));
      return contiguous(this.#path, value, this.#storage(value.storage));
    }
    if (value instanceof TorchStorage || value instanceof PickleGlobal)
      throw this.#refuse("it holds a bare storage or type");
    if (Array.isArray(value)) return value.map((item) => this.plain(item, depth + 1));
    if (!(value instanceof Map)) return value;
    const dict = new Map<string | number, TorchValue>();
    for (const [key, item] of value) {
      if (typeof key !== "string" && typeof key !== "number")
        throw this.#refuse("a dict has a key that is no string or number");
      dict.set(key, this.plain(item, depth + 1));
    }
    return dict;
  }

  #storage(storage: TorchStorage): Uint8Array {
    const known = this.#storages.get(storage.key);
    if (known !== undefined) return known;
    this.#spend(storage.elements * storage.elementBytes);
    const data = this.#read(storage);
    this.#storages.set(storage.key, data);
    return data;
  }

  #spend(bytes: number): void {
    this.#totalBytes += bytes;
    if (this.#totalBytes > this.#maxTotalBytes)
      throw this.#refuse(
        `its tensors unpack to more than ${this.#maxTotalBytes} bytes, more than the file could mean`,
      );
  }

  #refuse(what: string): AceError {
    return new AceError("ERR_FILE", `${this.#path}: its pickle was refused: ${what}`);
  }
}

/** Before 1.6 torch wrote a bare row of pickles; it is told apart so that the user hears what to do. */
function refuseLegacyFormat(path: string): void {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (cause) {
    throw new AceError("ERR_FILE", `${path}: cannot be opened (${(cause as Error).message})`, { cause });
  }
  const head = new Uint8Array(2);
  try {
    readSync(descriptor, head, 0, 2, 0);
  } catch (cause) {
    throw new AceError("ERR_FILE", `${path}: cannot be read (${(cause as Error).message})`, { cause });
  } finally {
    closeSync(descriptor);
  }
  if (head[0] === 0x80) {
    throw new AceError(
      "ERR_FILE",
      `${path}: is a bare pickle (torch before 1.6); save it again with a newer torch, or as safetensors`,
    );
  }
}
