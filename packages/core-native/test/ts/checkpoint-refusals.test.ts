// The native reader of checkpoints against files that lie: each is refused in one line, none crashes the process.
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AceError, Decoder } from "@acewright/core-native";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

const golden = fileURLToPath(new URL("../../../../tools/reference/golden", import.meta.url));
const model = join(golden, "tiny/model");
const whole = readFileSync(join(model, "model.safetensors"));

let root: string;
let folder: string;
let count = 0;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "acewright-refusals-"));
});
afterAll(() => {
  rmSync(root, { recursive: true });
});
beforeEach(() => {
  folder = join(root, String(count++));
  mkdirSync(folder);
  for (const name of ["config.json", "model.safetensors"])
    copyFileSync(join(model, name), join(folder, name));
});

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;

/** Writes the checkpoint with another header; the data stays where it is. */
function writeHeader(text: string): void {
  const length = Number(whole.readBigUInt64LE(0));
  const bytes = Buffer.from(text);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(bytes.length));
  writeFileSync(join(folder, "model.safetensors"), Buffer.concat([size, bytes, whole.subarray(8 + length)]));
}

// What each case does to the folder, named and done later.
const headerText = (text: string) => () => {
  writeHeader(text);
};
const header = (change: (header: Header) => void) => () => {
  const length = Number(whole.readBigUInt64LE(0));
  const parsed = JSON.parse(whole.subarray(8, 8 + length).toString()) as Header;
  change(parsed);
  writeHeader(JSON.stringify(parsed));
};
const config = (change: (fields: Record<string, unknown>) => void) => () => {
  const path = join(folder, "config.json");
  const fields = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  change(fields);
  writeFileSync(path, JSON.stringify(fields));
};
const cutTo = (bytes: number) => () => {
  truncateSync(join(folder, "model.safetensors"), bytes);
};
const without = (name: string) => () => {
  rmSync(join(folder, name));
};
const headerLength = (length: bigint) => () => {
  const bytes = Buffer.from(whole);
  bytes.writeBigUInt64LE(length, 0);
  writeFileSync(join(folder, "model.safetensors"), bytes);
};
const configText = (text: string) => () => {
  writeFileSync(join(folder, "config.json"), text);
};

const q = "decoder.layers.0.self_attn.q_proj.weight";
const entry = (header: Header, name = q) => header[name] as Header[string];

test.each<[string, () => void, string, RegExp]>([
  ["an empty file", cutTo(0), "ERR_FILE", /0 bytes/],
  ["a truncated file", cutTo(whole.length - 1000), "ERR_FILE", /outside the file/],
  ["a forged header length", headerLength(1n << 62n), "ERR_FILE", /header claims 4611686018427387904 bytes/],
  ["a header that is no JSON", headerText('{"a": nonsense}'), "ERR_FILE", /bad JSON at line 1, column 7/],
  ["a key that stands twice", headerText('{"a":{},"a":{}}'), "ERR_FILE", /the key "a" stands twice/],
  [
    "overlapping tensors",
    header((h) => {
      entry(h, "decoder.layers.1.self_attn.q_proj.weight").data_offsets = entry(h).data_offsets;
    }),
    "ERR_FILE",
    /two tensors overlap/,
  ],
  [
    "offsets past the end",
    header((h) => {
      entry(h).data_offsets = [1e12, 1e12 + 8192];
    }),
    "ERR_FILE",
    /q_proj\.weight.*outside the file/,
  ],
  [
    "a shape that overflows",
    header((h) => {
      entry(h).shape = [2 ** 40, 2 ** 40];
    }),
    "ERR_FILE",
    /more bytes than/,
  ],
  [
    "a fractional shape",
    header((h) => {
      entry(h).shape = [64.5, 64];
    }),
    "ERR_FILE",
    /whole numbers/,
  ],
  [
    "another dtype of the same size",
    header((h) => {
      entry(h).dtype = "I16";
    }),
    "ERR_FILE",
    /dtype I16/,
  ],
  [
    "a missing tensor",
    header((h) => {
      // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a header without one key is the case
      delete h[q];
    }),
    "ERR_CHECKPOINT",
    /q_proj\.weight" is missing; expected \[64, 64\]/,
  ],
  [
    "a transposed shape",
    header((h) => {
      entry(h, "decoder.layers.0.mlp.up_proj.weight").shape = [64, 128];
    }),
    "ERR_CHECKPOINT",
    /up_proj\.weight" is \[64, 128\], config\.json asks for \[128, 64\]/,
  ],
  [
    "a config without a key",
    config((c) => {
      delete c["head_dim"];
    }),
    "ERR_CHECKPOINT",
    /"head_dim" is missing/,
  ],
  [
    "a config with a wrong type",
    config((c) => {
      c["hidden_size"] = "wide";
    }),
    "ERR_CHECKPOINT",
    /"hidden_size" is not a whole number/,
  ],
  [
    "a config of another model",
    config((c) => {
      c["intermediate_size"] = 256;
    }),
    "ERR_CHECKPOINT",
    /config\.json asks for \[256, 64\]/,
  ],
  ["a config that is no JSON", configText("{\n  oops"), "ERR_FILE", /line 2, column 3/],
  ["no config", without("config.json"), "ERR_FILE", /config\.json: not found/],
  ["no weights", without("model.safetensors"), "ERR_FILE", /model\.safetensors: cannot be opened/],
])("%s is refused in one line", async (_, spoil, code, message) => {
  spoil();
  const error = await Decoder.open(folder).then(
    () => undefined,
    (reason: unknown) => reason as AceError,
  );
  expect(error).toBeInstanceOf(AceError);
  expect(error?.code).toBe(code);
  expect(error?.message).toMatch(message);
  expect(error?.message).not.toContain("\n");
});

test("a shard's name cannot leave the folder", async () => {
  rmSync(join(folder, "model.safetensors"));
  const index = { weight_map: { [q]: "../elsewhere.safetensors" } };
  writeFileSync(join(folder, "model.safetensors.index.json"), JSON.stringify(index));
  await expect(Decoder.open(folder)).rejects.toThrow(/leaves the folder/);
});

test("a Hugging Face cache folder, links to blobs, is a checkpoint", async () => {
  const cache = join(root, "cache");
  mkdirSync(cache);
  for (const name of ["config.json", "model.safetensors"]) symlinkSync(join(model, name), join(cache, name));
  using decoder = await Decoder.open(cache);
  expect(decoder.config.layers).toBe(4);
});

test("four hundred damaged headers are read or refused, and the process lives", async () => {
  const length = Number(whole.readBigUInt64LE(0));
  let state = 12345;
  const random = (below: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  let refused = 0;
  for (let i = 0; i < 400; i++) {
    const bytes = Buffer.from(whole);
    for (let flips = 1 + random(3); flips > 0; flips--) {
      const at = random(8 + length);
      bytes[at] = (bytes[at] as number) ^ (1 << random(8));
    }
    writeFileSync(join(folder, "model.safetensors"), bytes);
    try {
      const decoder = await Decoder.open(folder);
      decoder.close();
    } catch (error) {
      expect(error).toBeInstanceOf(AceError);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(100);
});
