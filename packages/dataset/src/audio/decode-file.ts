import { AceError } from "@acewright/core-native";
import { StereoCollector } from "./stereo-collector.js";
import { streamFile, type AudioSource, type StreamRequest } from "./stream-file.js";

/** A decoded song. */
export interface DecodedAudio {
  /** Left and right, full scale 1; a mono file stands in both, of more than two channels the first two are taken. */
  channels: [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>];
  sampleRateHz: number;
  /** Length of what was decoded. */
  durationS: number;
  source: AudioSource;
  /** One line each: a misleading file name, a header without a length. */
  warnings: string[];
}

/** What a decode job is told; plain data, it crosses to the worker thread. */
export interface DecodeRequest extends StreamRequest {
  sampleRateHz: number;
}

/**
 * Decodes and resamples one file on this thread; `beat` is called once per decoded block.
 *
 * @throws {AceError} ERR_FILE, with its {@link AudioProblem} as cause.
 */
export async function decodeFile(request: DecodeRequest, beat: () => void): Promise<DecodedAudio> {
  const gathered: { collector?: StereoCollector } = {};
  const { source, warnings } = await streamFile(request, beat, (channels, fromHz, expectedFrames) => {
    gathered.collector ??= new StereoCollector(fromHz, request.sampleRateHz, expectedFrames);
    gathered.collector.push(channels);
  });
  if (gathered.collector === undefined) {
    throw new AceError("ERR_INTERNAL", `${request.path}: was decoded to nothing without a refusal`);
  }
  const channels = gathered.collector.finish();
  return {
    channels,
    sampleRateHz: request.sampleRateHz,
    durationS: channels[0].length / request.sampleRateHz,
    source,
    warnings,
  };
}
