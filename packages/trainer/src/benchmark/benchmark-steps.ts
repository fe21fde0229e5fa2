import { AceError, type DeviceInfo, type DeviceName, type ModelConfig } from "@acewright/core-native";
import type * as z from "zod";
import { checkRunOn, refuseTooLarge } from "../check-run.js";
import { parseConfig } from "../config/parse-config.js";
import { parseWith } from "../config/parse-with.js";
import type { TrainConfig, TrainConfigInput } from "../config/train-config.js";
import { framesPerSecond } from "../frames.js";
import type { DecoderPort, DevicePort, NativePort } from "../native-port.js";
import { native } from "../native.js";
import { openSongs } from "../regularization.js";
import type { OpenSamples, SampleSource } from "../sample-source.js";
import { StopRequest } from "../stop-request.js";
import { openTensorSamples } from "../tensor-samples.js";
import { heldBytes } from "./held-memory.js";
import { inventedSongs } from "./invented-songs.js";
import { expectedRun, measureRow } from "./measure-row.js";
import { dataSheetTeraflops } from "./peak-rate.js";
import type { MeasuredRow, RefusedRow } from "./rows.js";
import { BenchmarkSettings } from "./settings.js";

/** A training configuration that may do without songs, and need name no run folder: nothing is written. */
export type BenchmarkConfig = Omit<TrainConfigInput, "tensors" | "output"> &
  Partial<Pick<TrainConfigInput, "tensors" | "output">>;

/** A step that was made, of which length, and how far that is. */
export interface BenchmarkProgress {
  /** From 0, of `rows`. */
  readonly row: number;
  readonly rows: number;
  /** Length of the invented songs; undefined of songs that are given. */
  readonly seconds: number | undefined;
  /** Steps made and to be made of this length, those to warm up included. */
  readonly done: number;
  readonly total: number;
  readonly milliseconds: number;
  readonly loss: number;
}

export interface BenchmarkOptions {
  readonly benchmark?: z.input<typeof BenchmarkSettings>;
  /** Ends it after the step in hand; the lengths done so far are given, the one in hand with the steps it has. */
  readonly signal?: AbortSignal;
  /** Ends it at once, without the step in hand. */
  readonly stopNow?: AbortSignal;
  /** Told before anything is timed what it will be timed on. */
  readonly onDevice?: (device: DeviceInfo) => void;
  readonly onStep?: (step: BenchmarkProgress) => void;
}

/** What the steps of a training configuration came to on this machine. */
export interface Benchmark {
  readonly device: DeviceInfo;
  readonly model: Pick<ModelConfig, "modelVersion" | "layers" | "hiddenSize"> & { readonly folder: string };
  readonly settings: Pick<
    TrainConfig,
    "adapter" | "optimizer" | "batchSize" | "gradientAccumulation" | "padding"
  >;
  /** TFLOP/s of the device, as given or as its data sheet tells; undefined where neither is known. */
  readonly peakTeraflops: number | undefined;
  /** One for each length of invented songs, or one for the songs that were given. */
  readonly rows: readonly (MeasuredRow | RefusedRow)[];
  /** What `train` would warn of. */
  readonly warnings: readonly string[];
  readonly interrupted: boolean;
}

/** What a benchmark stands on. */
export interface BenchmarkParts {
  readonly native: NativePort;
  readonly openSamples: OpenSamples;
  readonly heldBytes: (device: DeviceInfo) => number;
}

/**
 * Times a configuration's training steps on this machine: the same session, plan and recompute policy as `train`, with a
 * fresh adapter for each length. Without tensors the songs are noise of the lengths asked for, kept in memory. Nothing is
 * written.
 *
 * @throws {AceError} whatever `train` would refuse; a length that does not fit is told in its row, unless none fits.
 * @example
 * const { rows } = await benchmarkSteps({ model: "acestep-v15-turbo" }, { benchmark: { seconds: [60] } });
 */
export function benchmarkSteps(config: BenchmarkConfig, options: BenchmarkOptions = {}): Promise<Benchmark> {
  return benchmarkStepsWith({ native, openSamples: openTensorSamples, heldBytes }, config, options);
}

/** {@link benchmarkSteps} on given parts. */
export async function benchmarkStepsWith(
  parts: BenchmarkParts,
  input: BenchmarkConfig,
  options: BenchmarkOptions = {},
): Promise<Benchmark> {
  const settings = parseWith(BenchmarkSettings, options.benchmark ?? {}, "benchmark");
  const given = configOf(input, options);
  const opened = parts.native.openDevice(given.device as DeviceName, given.threads);
  const { folder, config: model } = opened.readModel(given.model);
  options.onDevice?.(opened.info);
  const heldBefore = parts.heldBytes(opened.info);
  const { device, close } = withOneDecoder(opened);
  const stop = new StopRequest(options.signal, options.stopNow);
  const peakTeraflops = settings.peakTeraflops ?? dataSheetTeraflops(opened.info);
  const lengths = input.tensors === undefined ? settings.seconds : [undefined];
  const rows: (MeasuredRow | RefusedRow)[] = [];
  const warnings = new Set<string>();
  const refusals: AceError[] = [];

  const measure = async (samples: SampleSource, seconds: number | undefined) => {
    const isGiven = seconds === undefined;
    const run = await checkRunOn(device, given, samples, isGiven);
    // Of invented songs a warning says nothing that the user could mend.
    const odd = [...(isGiven ? run.warnings : []), refuseTooLarge(run)];
    for (const warning of odd) if (warning !== undefined) warnings.add(warning);
    const row = await measureRow(run, {
      settings,
      peakTeraflops,
      stop,
      heldBytes: () => parts.heldBytes(opened.info) - heldBefore,
      onStep: ({ milliseconds, result: { loss } }, done, total) =>
        options.onStep?.({
          row: rows.length,
          rows: lengths.length,
          seconds,
          done,
          total,
          milliseconds,
          loss,
        }),
    });
    return row && isGiven ? { ...row, run: expectedRun(run, row) } : row;
  };

  try {
    for (const seconds of lengths) {
      if (stop.isRequested) break;
      const { conditionTokens } = settings;
      const songs = given.batchSize * given.gradientAccumulation;
      const samples =
        seconds === undefined
          ? await openSongs(parts.openSamples, given)
          : inventedSongs(model, { seconds, conditionTokens, songs });
      const row = await measure(samples, seconds).catch((cause: unknown): RefusedRow => {
        if (!(cause instanceof AceError) || cause.code !== "ERR_OUT_OF_MEMORY") throw cause;
        refusals.push(cause);
        return { audioS: seconds ?? meanSeconds(samples), refused: cause.message };
      });
      if (row !== undefined) rows.push(row);
    }
  } finally {
    const closed = stop.workInHand.then(close);
    if (!stop.isAtOnce) await closed;
  }
  if (refusals[0] !== undefined && refusals.length === rows.length) throw refusals[0];
  const { adapter, optimizer, batchSize, gradientAccumulation, padding } = given;
  return {
    device: opened.info,
    model: { folder, modelVersion: model.modelVersion, layers: model.layers, hiddenSize: model.hiddenSize },
    settings: { adapter, optimizer, batchSize, gradientAccumulation, padding },
    peakTeraflops,
    rows,
    warnings: [...warnings],
    interrupted: stop.isRequested,
  };
}

/** What a configuration may say of songs that does not concern invented ones. */
const ofInventedSongs: Partial<TrainConfigInput> = {
  tensors: "invented songs",
  regularization: undefined,
  datasetRepeats: 1,
  validationFraction: 0,
  captionDropout: 0,
  lyricsDropout: 0,
  ignoreFisherMap: undefined,
};

function configOf(input: BenchmarkConfig, { benchmark = {} }: BenchmarkOptions): TrainConfig {
  // A run's own config.json is welcome on another machine, too: nothing is repeated bit for bit here.
  const placed = { ...input, output: input.output ?? "run", environment: undefined };
  if (input.tensors === undefined) return parseConfig({ ...placed, ...ofInventedSongs });
  for (const key of ["seconds", "conditionTokens"] as const) {
    if (benchmark[key] === undefined) continue;
    throw new AceError(
      "ERR_CONFIG",
      `${key}: is of invented songs, but ${input.tensors} brings its own; leave one of them out`,
    );
  }
  return parseConfig(placed);
}

/** The same weights for each length: read once, and given back at the end. */
function withOneDecoder(device: DevicePort): { readonly device: DevicePort; readonly close: () => void } {
  let shared: Promise<DecoderPort> | undefined;
  const opened: DecoderPort[] = [];
  const open = async (folder: string) => {
    const decoder = await device.openDecoder(folder);
    opened.push(decoder);
    return { ...decoder, close: () => undefined };
  };
  return {
    device: { ...device, openDecoder: (folder) => (shared ??= open(folder)) },
    close: () => {
      for (const decoder of opened) decoder.close();
    },
  };
}

function meanSeconds({ songs }: SampleSource): number {
  return songs.reduce((sum, { frames }) => sum + frames, 0) / songs.length / framesPerSecond;
}
