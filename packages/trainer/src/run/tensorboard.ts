import { join } from "node:path";
import { maskedCrc32c } from "./crc32c.js";
import { fileError, type Files } from "./files.js";

/** Writes scalars that TensorBoard shows: TFRecords of `Event` messages. */
export class TensorBoardLog {
  private constructor(
    private readonly files: Files,
    private readonly path: string,
    private readonly descriptor: number,
  ) {}

  /** Starts a new file in the folder; points of older files from `step` on are hidden by TensorBoard. */
  static open(files: Files, folder: string, step: number): TensorBoardLog {
    const seconds = Math.floor(Date.now() / 1000);
    const path = join(
      folder,
      `events.out.tfevents.${String(seconds).padStart(10, "0")}.acewright.${process.pid}`,
    );
    try {
      files.mkdirSync(folder, { recursive: true });
      const log = new TensorBoardLog(files, path, files.openSync(path, "a"));
      log.write([...eventHead(0), ...bytesField(3, Buffer.from("brain.Event:2"))]);
      // SessionLog with status START: the reader drops what an earlier process wrote beyond this step.
      if (step > 0) log.write([...eventHead(step), ...bytesField(7, Uint8Array.from([0x08, 1]))]);
      return log;
    } catch (cause) {
      throw fileError(cause, path, "writing the TensorBoard file");
    }
  }

  /** Adds one point to each named curve. */
  scalars(step: number, values: Readonly<Record<string, number>>): void {
    const summary = Object.entries(values).flatMap(([tag, value]) => {
      const single = new Uint8Array(4);
      new DataView(single.buffer).setFloat32(0, value, true);
      return bytesField(1, Uint8Array.from([...bytesField(1, Buffer.from(tag)), (2 << 3) | 5, ...single]));
    });
    try {
      this.write([...eventHead(step), ...bytesField(5, Uint8Array.from(summary))]);
    } catch (cause) {
      throw fileError(cause, this.path, "writing the TensorBoard file");
    }
  }

  close(): void {
    this.files.closeSync(this.descriptor);
  }

  private write(message: readonly number[]): void {
    const data = Uint8Array.from(message);
    const record = new Uint8Array(8 + 4 + data.length + 4);
    const view = new DataView(record.buffer);
    view.setUint32(0, data.length, true);
    view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
    record.set(data, 12);
    view.setUint32(12 + data.length, maskedCrc32c(data), true);
    for (let done = 0; done < record.length;) done += this.files.writeSync(this.descriptor, record, done);
  }
}

/** Fields 1 (wall time, double) and 2 (step, varint) of an Event. */
function eventHead(step: number): number[] {
  const time = new Uint8Array(8);
  new DataView(time.buffer).setFloat64(0, Date.now() / 1000, true);
  return [(1 << 3) | 1, ...time, 2 << 3, ...varint(step)];
}

function bytesField(field: number, bytes: Uint8Array): number[] {
  return [(field << 3) | 2, ...varint(bytes.length), ...bytes];
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 0x80);
  }
}
