import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { maskedCrc32c } from "../src/run/crc32c.js";

/** Reads the file back by the format's own rules, checksums included. */
export function records(path: string): Buffer[] {
  const file = readFileSync(path);
  const all: Buffer[] = [];
  for (let at = 0; at < file.length;) {
    const length = Number(file.readBigUInt64LE(at));
    expect(file.readUInt32LE(at + 8)).toBe(maskedCrc32c(file.subarray(at, at + 8)));
    const data = file.subarray(at + 12, at + 12 + length);
    expect(file.readUInt32LE(at + 12 + length)).toBe(maskedCrc32c(data));
    all.push(data);
    at += 16 + length;
  }
  return all;
}

/** Fields of a protobuf message as [number, value]; sub-messages stay bytes. */
export function fields(message: Buffer): [number, number | Buffer][] {
  const all: [number, number | Buffer][] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message.readUInt8(at++);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const wire = key & 7;
    if (wire === 0) all.push([key >> 3, varint()]);
    else if (wire === 1) all.push([key >> 3, message.readDoubleLE((at += 8) - 8)]);
    else if (wire === 5) all.push([key >> 3, message.readFloatLE((at += 4) - 4)]);
    else {
      const length = varint();
      all.push([key >> 3, message.subarray(at, (at += length))]);
    }
  }
  return all;
}

/** The scalars of a run, by tag, each as [step, value], and the steps from which on a resume took back what was written. */
export function boardOf(run: string): { scalars: Record<string, [number, number][]>; resumedAt: number[] } {
  const scalars: Record<string, [number, number][]> = {};
  const resumedAt: number[] = [];
  const folder = join(run, "tensorboard");
  for (const name of readdirSync(folder).sort()) {
    for (const record of records(join(folder, name))) {
      const event = new Map(fields(record));
      const step = Number(event.get(2) ?? 0);
      if (event.has(7)) resumedAt.push(step);
      const summary = event.get(5);
      for (const [, entry] of summary === undefined ? [] : fields(summary as Buffer)) {
        const value = new Map(fields(entry as Buffer));
        if (!value.has(2)) continue;
        (scalars[String(value.get(1))] ??= []).push([step, Number(value.get(2))]);
      }
    }
  }
  return { scalars, resumedAt };
}
