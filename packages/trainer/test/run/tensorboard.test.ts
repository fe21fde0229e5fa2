import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { crc32c } from "../../src/run/crc32c.js";
import { nodeFiles } from "../../src/run/files.js";
import { TensorBoardLog } from "../../src/run/tensorboard/event-file.js";
import { fields, records } from "../tensorboard-reader.js";
import { scratch } from "../trained.js";

test("CRC-32C gives the check values of RFC 3720, appendix B.4", () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
});

test("scalars are events with a step and a summary that a reader understands", () => {
  const folder = join(scratch(), "tensorboard");
  const log = TensorBoardLog.open(nodeFiles, folder, 0);
  log.scalars(300, { "train/loss": 0.5, "train/lr": 1e-4 });
  log.close();
  const [name = ""] = readdirSync(folder);
  expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\./);
  const [first, second, ...rest] = records(join(folder, name)).map(fields);
  expect(rest).toEqual([]);
  expect(new Map(first).get(3)).toEqual(Buffer.from("brain.Event:2"));
  const event = new Map(second);
  expect(event.get(2)).toBe(300);
  expect(event.get(1)).toBeCloseTo(Date.now() / 1000, -1);
  const values = fields(event.get(5) as Buffer).map(([, value]) => new Map(fields(value as Buffer)));
  expect(values.map((value) => [String(value.get(1)), value.get(2)])).toEqual([
    ["train/loss", 0.5],
    ["train/lr", Math.fround(1e-4)],
  ]);
});

test("a resumed run tells the reader to drop what an earlier process wrote beyond its step", () => {
  const folder = join(scratch(), "tensorboard");
  TensorBoardLog.open(nodeFiles, folder, 70_000).close();
  const [name = ""] = readdirSync(folder);
  const event = new Map(fields(records(join(folder, name))[1] ?? Buffer.alloc(0)));
  expect(event.get(2)).toBe(70_000);
  expect(fields(event.get(7) as Buffer)).toEqual([[1, 1]]);
});

test("a histogram tells how values are spread over equal parts", () => {
  const folder = join(scratch(), "tensorboard");
  const log = TensorBoardLog.open(nodeFiles, folder, 0);
  log.histogram(50, "train/timestep", [0.05, 0.1, 0.9, 1], { from: 0, to: 1, parts: 4 });
  log.histogram(100, "train/timestep", [], { from: 0, to: 1, parts: 4 });
  log.close();
  const [name = ""] = readdirSync(folder);
  const [, second, ...rest] = records(join(folder, name)).map(fields);
  expect(rest).toEqual([]);
  const [value] = fields(new Map(second).get(5) as Buffer).map(([, one]) => new Map(fields(one as Buffer)));
  expect(String(value?.get(1))).toBe("train/timestep");
  const histogram = new Map(fields(value?.get(5) as Buffer));
  expect([1, 2, 3].map((field) => histogram.get(field))).toEqual([0.05, 1, 4]);
  expect(histogram.get(4)).toBeCloseTo(2.05, 12);
  expect(histogram.get(5)).toBeCloseTo(0.0025 + 0.01 + 0.81 + 1, 12);
  const doubles = (bytes: Buffer) =>
    Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readDoubleLE(8 * i));
  expect(doubles(histogram.get(6) as Buffer)).toEqual([0.25, 0.5, 0.75, 1]);
  expect(doubles(histogram.get(7) as Buffer)).toEqual([2, 0, 0, 2]);
});

test("a song is there to listen to, byte for byte", () => {
  const folder = join(scratch(), "tensorboard");
  const log = TensorBoardLog.open(nodeFiles, folder, 0);
  const wav = Uint8Array.from({ length: 300_000 }, (_, i) => i);
  log.audio(7, "song", { wav, sampleRateHz: 48_000, channels: 2 });
  log.close();
  const [name = ""] = readdirSync(folder);
  const event = new Map(records(join(folder, name)).map(fields)[1]);
  const [value] = fields(event.get(5) as Buffer).map(([, one]) => new Map(fields(one as Buffer)));
  const audio = new Map(fields(value?.get(6) as Buffer));
  expect([1, 2].map((field) => audio.get(field))).toEqual([48_000, 2]);
  expect(Buffer.from(wav).equals(audio.get(4) as Buffer)).toBe(true);
  expect(String(audio.get(5))).toBe("audio/wav");
});
