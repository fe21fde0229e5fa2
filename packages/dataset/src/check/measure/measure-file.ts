import { stat } from "node:fs/promises";
import { streamFile, type AudioSource } from "../../audio/stream-file.js";
import { LoudnessMeter } from "../../dsp/loudness.js";
import { ChannelMeter, type ChannelReport } from "./channel-meter.js";
import { ClippingMeter, type ClippingReport } from "./clipping-meter.js";
import { ContentHash } from "./content-hash.js";
import { CutoffMeter, type Cutoff } from "./cutoff-meter.js";
import { LandmarkSketch, type Sketch } from "./landmarks.js";
import { SilenceMeter, type SilenceReport } from "./silence-meter.js";
import { SpectralFrames } from "./spectral-frames.js";

/** Raise this with any change to what is measured: reports kept from before are then made again. */
export const measureVersion = 1;

/** What is kept of a song's sound: some hundreds of bytes of plain data. */
export interface AudioReport extends ChannelReport {
  source: AudioSource;
  durationS: number;
  /** Size of the file over its length. */
  bitsPerSecond: number;
  /** Integrated loudness; null for silence and for less than 0.4 s. */
  loudnessLufs: number | null;
  silence: SilenceReport;
  clipping: ClippingReport;
  /** Null where the spectrum has no wall. */
  cutoff: Cutoff | null;
  contentHash: string;
  sketch: Sketch;
  /** What the decoder noticed, one line each. */
  warnings: string[];
}

export interface MeasureRequest {
  path: string;
}

/**
 * Decodes one file on this thread at its own sample rate and measures it block by block; memory is that of one block
 * and some tables, however long the song.
 *
 * @throws {AceError} ERR_FILE, with its {@link AudioProblem} as cause, when the file cannot be decoded.
 */
export async function measureFile({ path }: MeasureRequest, beat: () => void): Promise<AudioReport> {
  const held: { meters?: Meters } = {};
  let samples = 0;
  const { source, warnings } = await streamFile({ path, maxDurationS: undefined }, beat, (blocks, rate) => {
    held.meters ??= openMeters(rate);
    const { loudness, channel, silence, clipping, hash, frames } = held.meters;
    // One channel sounds from both speakers: it is as loud as two.
    loudness.push(blocks.length === 1 ? [...blocks, ...blocks] : blocks);
    for (const meter of [channel, silence, clipping, hash, frames]) meter.push(blocks);
    samples += blocks[0]?.length ?? 0;
  });
  const { loudness, channel, silence, clipping, hash, cutoff, landmarks } =
    held.meters ?? openMeters(source.sampleRateHz);
  const durationS = samples / source.sampleRateHz;
  const lufs = loudness.integrated();
  return {
    ...channel.report(),
    source,
    durationS,
    bitsPerSecond: Math.round((8 * (await stat(path)).size) / durationS),
    loudnessLufs: Number.isFinite(lufs) ? lufs : null,
    silence: silence.report(),
    clipping: clipping.report(),
    cutoff: cutoff.report() ?? null,
    contentHash: hash.digest(),
    sketch: landmarks.report(),
    warnings,
  };
}

type Meters = ReturnType<typeof openMeters>;

function openMeters(sampleRateHz: number) {
  const frames = new SpectralFrames(sampleRateHz, (power, frame) => {
    cutoff.push(power);
    landmarks.push(power, frame);
  });
  const cutoff = new CutoffMeter(sampleRateHz, frames.binHz);
  const landmarks = new LandmarkSketch(frames.binHz);
  return {
    // Below 4 kHz there is no weighting to be had; such a file is told by its rate.
    loudness: new LoudnessMeter(Math.max(4000, sampleRateHz)),
    channel: new ChannelMeter(),
    silence: new SilenceMeter(sampleRateHz),
    clipping: new ClippingMeter(sampleRateHz),
    hash: new ContentHash(sampleRateHz),
    frames,
    cutoff,
    landmarks,
  };
}
