import { resample } from "../audio/resample.js";
import { halveRate, mixDown } from "../dsp/decimate.js";
import { integratedLoudness } from "../dsp/loudness.js";
import { truePeak } from "../dsp/true-peak.js";
import { chromaOf } from "./chroma.js";
import { findDownbeats } from "./downbeats.js";
import { judgeKey, type KeyJudgement } from "./judge-key.js";
import { judgeTempo, type TempoJudgement, type TimeSignatureJudgement } from "./judge-tempo.js";
import { onsetCurves, onsetRateHz } from "./onsets.js";
import { findSections, type Section } from "./sections.js";

/** What can be heard in a song without any model. */
export interface SongAnalysis {
  durationS: number;
  /** Undefined where there is no pulse: silence, or less than four seconds. */
  tempo: TempoJudgement | undefined;
  timeSignature: TimeSignatureJudgement | undefined;
  /** Undefined in silence. */
  key: KeyJudgement | undefined;
  /** Where A4 is tuned to; undefined where there is no key. */
  tuningHz: number | undefined;
  /** Integrated loudness by BS.1770-4, LUFS; -Infinity for silence. */
  loudnessLufs: number;
  /** Highest point of the wave between the samples, in dB of full scale; -Infinity for silence. */
  truePeakDb: number;
  sections: Section[];
  /** Times of the beats, by the tempo given. */
  beatsS: number[];
  /** Times at which bars begin. */
  barsS: number[];
}

/** Rate all analysis starts from. */
const rateHz = 48_000;
/** Less than this is no music: a tempo would be a guess. */
const shortestS = 4;
/** Mean square of 24 kHz frames below which nothing is heard (-70 dB). */
const silence = 1e-7;

/**
 * Analyses one song on this thread.
 *
 * @param channels one or two, of equal length, full scale 1
 * @param beat called now and then, as a sign of life
 */
export function analyzeAudio(
  channels: readonly Float32Array[],
  sampleRateHz: number,
  beat: () => void = () => undefined,
): SongAnalysis {
  const [left = new Float32Array(0), right = left] = channels;
  const full = mixDown(left, right);
  const mono = halveRate(sampleRateHz === rateHz ? full : resample(full, sampleRateHz, rateHz));
  const low = halveRate(mono);
  const durationS = left.length / sampleRateHz;
  beat();
  const levels = {
    loudnessLufs: integratedLoudness(channels, sampleRateHz),
    truePeakDb: 20 * Math.log10(truePeak(channels)),
  };
  const power = mono.reduce((sum, value) => sum + value * value, 0) / Math.max(1, mono.length);
  if (power < silence) {
    const nothing = { tempo: undefined, timeSignature: undefined, key: undefined, tuningHz: undefined };
    const whole: Section = { startS: 0, endS: durationS, label: "A", confidence: 1 };
    return { durationS, ...nothing, ...levels, sections: [whole], beatsS: [], barsS: [] };
  }
  const onsets = onsetCurves(mono, rateHz / 2);
  beat();
  const pitches = chromaOf(low, rateHz / 4, { size: 8192, hop: 2048 });
  const changes = chromaOf(low, rateHz / 4, { size: 4096, hop: 1024 });
  beat();
  const judged = durationS < shortestS ? undefined : judgeTempo(onsets, changes);
  const beats = judged?.beats ?? new Int32Array(0);
  const barsS = judged === undefined ? [] : findDownbeats(beats, judged.beatsPerBar, onsets, changes);
  const key = judgeKey(pitches);
  return {
    durationS,
    tempo: judged?.tempo,
    timeSignature: judged?.timeSignature,
    key,
    tuningHz: key === undefined ? undefined : 440 * 2 ** (pitches.tuning / 12),
    ...levels,
    sections: findSections(barsS, durationS, onsets, changes),
    beatsS: Array.from(beats, (frame) => frame / onsetRateHz),
    barsS,
  };
}
