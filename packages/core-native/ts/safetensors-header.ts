import { AceError } from "./errors.js";
import { notJson } from "./not-json.js";
import { jsonProblem } from "./json-guard.js";
import type { HostTensor, TensorEntry } from "./types.js";

/** What a safetensors file says of itself. */
export interface SafetensorsHeader {
  readonly metadata: Record<string, string>;
  readonly tensors: Record<string, TensorEntry>;
}

/** Bytes of one element. */
export const dtypeBytes: Readonly<Record<HostTensor["dtype"], number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
};

/** Longest header that is read, as in the format's own reader. */
export const maxHeaderBytes = 100_000_000;

/** Elements of a shape, or undefined where the count leaves the exact integers. */
export function elementCount(shape: readonly number[]): number | undefined {
  // A zero makes the product zero whatever else stands there, so it is looked for first.
  if (shape.includes(0)) return 0;
  let count = 1;
  for (const length of shape) {
    count *= length;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}

/**
 * Checks the JSON header of a safetensors file against the bytes that follow it.
 *
 * @param path only named in messages.
 * @param dataOffset first byte after the header; @param fileBytes length of the whole file.
 * @throws {AceError} ERR_FILE naming file and tensor for anything that does not fit exactly.
 */
export function parseHeader(
  path: string,
  header: Uint8Array,
  dataOffset: number,
  fileBytes: number,
): SafetensorsHeader {
  const json = parseJsonObject(path, header);
  const metadata: [string, string][] = [];
  const tensors: [string, TensorEntry][] = [];
  for (const [name, value] of Object.entries(json)) {
    if (name === "__metadata__") metadata.push(...metadataEntries(path, value));
    else tensors.push([name, tensorEntry(path, name, value, dataOffset)]);
  }
  checkTiling(path, tensors, dataOffset, fileBytes);
  // fromEntries makes plain own properties, also for a tensor named __proto__.
  return { metadata: Object.fromEntries(metadata), tensors: Object.fromEntries(tensors) };
}

function parseJsonObject(path: string, header: Uint8Array): object {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(header);
  } catch (cause) {
    throw damaged(path, "its header is not UTF-8 text", cause);
  }
  if (!text.startsWith("{")) throw damaged(path, 'its header does not begin with "{"');
  // File, tensor, shape: three levels are all the format has.
  const problem = jsonProblem(text, 3);
  if (problem !== undefined) throw damaged(path, `its header: ${problem}`);
  try {
    return JSON.parse(text) as object;
  } catch (cause) {
    throw damaged(path, `its header ${notJson(cause)}`, cause);
  }
}

function metadataEntries(path: string, value: unknown): [string, string][] {
  if (!isObject(value)) throw damaged(path, "its __metadata__ is not an object");
  return Object.entries(value).map(([key, text]) => {
    if (typeof text !== "string")
      throw damaged(path, `its __metadata__ ${JSON.stringify(key)} is not a string`);
    return [key, text];
  });
}

function tensorEntry(path: string, name: string, value: unknown, dataOffset: number): TensorEntry {
  const refuse = (what: string): AceError => damaged(path, `tensor ${JSON.stringify(name)}: ${what}`);
  if (!isObject(value)) throw refuse("its entry is not an object");
  const { dtype, shape, data_offsets: offsets, ...others } = value;
  const unknownKey = Object.keys(others)[0];
  if (unknownKey !== undefined) throw refuse(`unknown key ${JSON.stringify(unknownKey)}`);
  if (typeof dtype !== "string" || !Object.hasOwn(dtypeBytes, dtype)) {
    throw refuse(`dtype is ${JSON.stringify(dtype)}, expected one of ${Object.keys(dtypeBytes).join(", ")}`);
  }
  if (!isIntegerList(shape)) throw refuse(`shape is ${brief(shape)}, expected a list of whole numbers`);
  if (!isIntegerList(offsets) || offsets.length !== 2) {
    throw refuse(`data_offsets is ${brief(offsets)}, expected [begin, end]`);
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end) throw refuse(`data_offsets [${begin}, ${end}] run backwards`);
  const elements = elementCount(shape);
  const byteLength = elements === undefined ? undefined : elements * dtypeBytes[dtype as HostTensor["dtype"]];
  if (byteLength === undefined || !Number.isSafeInteger(byteLength)) {
    throw refuse(`shape [${shape.join(", ")}] has too many elements`);
  }
  if (byteLength !== end - begin) {
    throw refuse(
      `${dtype} [${shape.join(", ")}] needs ${byteLength} bytes, but data_offsets [${begin}, ${end}] hold ${end - begin}`,
    );
  }
  return { dtype: dtype as HostTensor["dtype"], shape, byteOffset: dataOffset + begin, byteLength };
}

/** Tensors must follow each other without overlap or gap and end where the file ends. */
function checkTiling(
  path: string,
  tensors: readonly (readonly [string, TensorEntry])[],
  dataOffset: number,
  fileBytes: number,
): void {
  const inOrder = [...tensors].sort(
    ([, a], [, b]) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength,
  );
  let expected = dataOffset;
  for (const [name, { byteOffset, byteLength }] of inOrder) {
    const where = `tensor ${JSON.stringify(name)}`;
    if (byteOffset + byteLength > fileBytes) {
      throw damaged(path, `${where} ends at byte ${byteOffset + byteLength}, but the file has ${fileBytes}`);
    }
    if (byteOffset < expected) throw damaged(path, `${where} overlaps the tensor before it`);
    if (byteOffset > expected) {
      throw damaged(path, `${byteOffset - expected} bytes before ${where} belong to no tensor`);
    }
    expected = byteOffset + byteLength;
  }
  if (expected !== fileBytes) {
    throw damaged(path, `${fileBytes - expected} bytes at its end belong to no tensor`);
  }
}

/** A file that is not what its name says. */
export function damaged(path: string, what: string, cause?: unknown): AceError {
  return new AceError(
    "ERR_FILE",
    `${path}: not a valid safetensors file: ${what}; download or write it again`,
    cause === undefined ? undefined : { cause },
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isIntegerList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && (item as number) >= 0);
}

function brief(value: unknown): string {
  if (value === undefined) return "missing";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
