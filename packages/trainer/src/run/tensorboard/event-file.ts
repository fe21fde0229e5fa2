import { join } from "node:path";
import { maskedCrc32c } from "../crc32c.js";
import { fileError, type Files } from "../files.js";
import { bytesField, doubleField, varintField } from "./protobuf.js";
import { audioValue, histogramValue, scalarValue, type AudioClip, type HistogramRange } from "./summaries.js";

/** Writes what TensorBoard shows: TFRecords of `Event` messages. */
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
      log.write(0, bytesField(3, "brain.Event:2"));
      // SessionLog with status START: the reader drops what an earlier process wrote beyond this step.
      if (step > 0) log.write(step, bytesField(7, varintField(1, 1)));
      return log;
    } catch (cause) {
      throw fileError(cause, path, "writing the TensorBoard file");
    }
  }

  /** Adds one point to each named curve. */
  scalars(step: number, values: Readonly<Record<string, number>>): void {
    this.summary(
      step,
      Object.entries(values).map(([tag, value]) => scalarValue(tag, value)),
    );
  }

  /** Shows how values are spread; none leaves no mark. */
  histogram(step: number, tag: string, values: readonly number[], range: HistogramRange): void {
    if (values.length > 0) this.summary(step, [histogramValue(tag, values, range)]);
  }

  audio(step: number, tag: string, clip: AudioClip): void {
    this.summary(step, [audioValue(tag, clip)]);
  }

  close(): void {
    this.files.closeSync(this.descriptor);
  }

  private summary(step: number, values: readonly Uint8Array[]): void {
    try {
      this.write(step, bytesField(5, Buffer.concat(values.map((value) => bytesField(1, value)))));
    } catch (cause) {
      throw fileError(cause, this.path, "writing the TensorBoard file");
    }
  }

  /** One Event: wall time, step, and what happened. */
  private write(step: number, what: Uint8Array): void {
    const data = Buffer.concat([doubleField(1, Date.now() / 1000), varintField(2, step), what]);
    const record = Buffer.alloc(8 + 4 + data.length + 4);
    record.writeBigUInt64LE(BigInt(data.length));
    record.writeUInt32LE(maskedCrc32c(record.subarray(0, 8)), 8);
    record.set(data, 12);
    record.writeUInt32LE(maskedCrc32c(data), 12 + data.length);
    for (let done = 0; done < record.length;) done += this.files.writeSync(this.descriptor, record, done);
  }
}
