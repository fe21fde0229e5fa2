import type { HostTensor } from "@acewright/core-native";
import { AceError } from "@acewright/core-native";
import type { PickleValue } from "./pickle.js";
import { PickleGlobal } from "./pickle.js";

/** Largest tensor that is built; a view may claim more elements than its storage has. */
const maxTensorBytes = 1_000_000_000;

const storageTypes: Readonly<Record<string, { dtype: HostTensor["dtype"]; bytes: number }>> = {
  "torch.DoubleStorage": { dtype: "F64", bytes: 8 },
  "torch.FloatStorage": { dtype: "F32", bytes: 4 },
  "torch.HalfStorage": { dtype: "F16", bytes: 2 },
  "torch.BFloat16Storage": { dtype: "BF16", bytes: 2 },
  "torch.LongStorage": { dtype: "I64", bytes: 8 },
  "torch.IntStorage": { dtype: "I32", bytes: 4 },
  "torch.ShortStorage": { dtype: "I16", bytes: 2 },
  "torch.CharStorage": { dtype: "I8", bytes: 1 },
  "torch.ByteStorage": { dtype: "U8", bytes: 1 },
  "torch.BoolStorage": { dtype: "BOOL", bytes: 1 },
};

/** A storage named by a persistent id: which entry of the file holds it, and how many elements it claims. */
export class TorchStorage {
  constructor(
    readonly key: string,
    readonly dtype: HostTensor["dtype"],
    readonly elementBytes: number,
    readonly elements: number,
  ) {}
}

/** A tensor of a torch file, a strided view of a storage; its values are read when they are asked for. */
export class TorchTensor {
  constructor(
    readonly storage: TorchStorage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

export type TorchPart = TorchStorage | TorchTensor;

export function isStorageType(global: string): boolean {
  return Object.hasOwn(storageTypes, global);
}

/** `("storage", type, key, location, elements)` as torch.save writes it. */
export function storageOf(where: string, id: PickleValue<TorchPart>): TorchStorage {
  const [kind, type, key, , elements] = Array.isArray(id) ? id : [];
  const layout = type instanceof PickleGlobal ? storageTypes[type.name] : undefined;
  if (
    kind !== "storage" ||
    layout === undefined ||
    typeof key !== "string" ||
    !/^\d+$/.test(key) ||
    !isCount(elements)
  ) {
    throw new AceError("ERR_FILE", `${where}: its pickle names a storage in a form torch does not write`);
  }
  return new TorchStorage(key, layout.dtype, layout.bytes, elements);
}

/** The arguments of `torch._utils._rebuild_tensor_v2`. */
export function tensorOf(where: string, args: readonly PickleValue<TorchPart>[]): TorchTensor {
  const [storage, offset, shape, strides] = args;
  if (!(storage instanceof TorchStorage) || !isCount(offset) || !isCounts(shape) || !isCounts(strides)) {
    throw new AceError("ERR_FILE", `${where}: its pickle builds a tensor in a form torch does not write`);
  }
  const elements = shape.includes(0) ? 0 : shape.reduce((product, length) => product * length, 1);
  const last = shape.reduce((sum, length, axis) => sum + (length - 1) * (strides[axis] ?? NaN), offset);
  if (strides.length !== shape.length || elements * storage.elementBytes > maxTensorBytes) {
    throw new AceError(
      "ERR_FILE",
      `${where}: its pickle builds a tensor [${shape.join(", ")}] that cannot be`,
    );
  }
  if (elements > 0 && last >= storage.elements) {
    throw new AceError("ERR_FILE", `${where}: a tensor [${shape.join(", ")}] reaches beyond its storage of ${storage.elements} elements`); // prettier-ignore
  }
  return new TorchTensor(storage, offset, shape, strides);
}

/** Gathers a strided view into row-major bytes. */
export function contiguous(where: string, tensor: TorchTensor, data: Uint8Array): HostTensor {
  const { storage, shape, strides, offset } = tensor;
  const width = storage.elementBytes;
  if (data.length !== storage.elements * width) {
    throw new AceError("ERR_FILE", `${where}: storage ${storage.key} has ${data.length} bytes, ${storage.elements * width} were announced`); // prettier-ignore
  }
  const elements = shape.reduce((product, length) => product * length, 1);
  const out = new Uint8Array(elements * width);
  const index = new Array<number>(shape.length).fill(0);
  let from = offset;
  for (let to = 0; to < elements; to++) {
    for (let byte = 0; byte < width; byte++) out[to * width + byte] = data[from * width + byte] as number;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const stride = strides[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      from += stride;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      from -= stride * (index[axis] as number);
      index[axis] = 0;
    }
  }
  return { dtype: storage.dtype, shape, data: out };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= 16 && value.every(isCount);
}
