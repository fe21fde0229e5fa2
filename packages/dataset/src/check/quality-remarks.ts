import { remark, type Remark } from "./finding.js";
import type { AudioReport } from "./measure/measure-file.js";

/** Samples in flat tops: a few peaks of a loud master, and enough to be heard as distortion. */
const clippedShares = { info: 1e-4, warning: 1e-3 };
/** -46 dB of full scale. */
const leastOffset = 0.005;
/** Lower rates hold nothing above 15 kHz, where the model's autoencoder hears up to 24. */
const leastRateHz = 32_000;
/** LAME's low-pass at 128 kb/s lies at 17 kHz, and at 192 kb/s near 19. */
const dullHz = 17_300;
const shavedHz = 19_300;
/** Rates below which a codec is heard. */
const leastBitrates: Readonly<Record<string, number>> = { mp3: 120e3, aac: 90e3, vorbis: 76e3, opus: 56e3 };

const imageRemarks: Readonly<Record<AudioReport["image"], Remark | undefined>> = {
  stereo: undefined,
  mono: remark("info", "mono", "audio", "is mono", "take the stereo version if there is one"),
  identical: remark(
    "info",
    "mono-as-stereo",
    "audio",
    "has the same sound on both sides: mono in a stereo file",
    "take the stereo version if there is one",
  ),
  inverted: remark(
    "warning",
    "out-of-phase",
    "audio",
    "has one side inverted, so that both cancel in mono",
    "invert the polarity of one side",
  ),
  "left-dead": deadSide("left", "right"),
  "right-dead": deadSide("right", "left"),
};

function deadSide(dead: string, live: string): Remark {
  const what = `has nothing on its ${dead} side`;
  return remark("warning", "dead-channel", "audio", what, `put the ${live} side on both, or export it again`);
}

/** Faults of recording and encoding. */
export function qualityRemarks(report: AudioReport): Remark[] {
  const image = imageRemarks[report.image];
  return [
    ...clippingRemarks(report),
    ...offsetRemarks(report),
    ...(image === undefined ? [] : [image]),
    ...bandwidthRemarks(report),
    ...bitrateRemarks(report),
  ];
}

function clippingRemarks({ clipping }: AudioReport): Remark[] {
  const { share, level, firstAtS } = clipping;
  if (share < clippedShares.info) return [];
  const severity = share < clippedShares.warning ? "info" : "warning";
  const where = level > 0.99 ? "at full scale" : `at ${(20 * Math.log10(level)).toFixed(1)} dBFS`;
  const what = `${(share * 100).toFixed(2)} % of its samples are cut off ${where}, first at ${firstAtS.toFixed(1)} s`;
  return [remark(severity, "clipped", "audio", what, "take a less loud master if there is one")];
}

function offsetRemarks({ dcOffset }: AudioReport): Remark[] {
  const worst = dcOffset.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
  if (Math.abs(worst) < leastOffset) return [];
  const what = `its middle line is off by ${(worst * 100).toFixed(1)} % of full scale (DC offset)`;
  return [remark("warning", "dc-offset", "audio", what, "run a high-pass at 10 Hz over it")];
}

function bandwidthRemarks({ cutoff, source }: AudioReport): Remark[] {
  if (source.sampleRateHz < leastRateHz) {
    const khz = source.sampleRateHz / 1000;
    const what = `is sampled at ${khz} kHz: nothing above ${khz / 2} kHz`;
    return [remark("warning", "low-sample-rate", "audio", what, "take a version at 44.1 or 48 kHz")];
  }
  if (cutoff === null || cutoff.hz > shavedHz) return [];
  const khz = (cutoff.hz / 1000).toFixed(1);
  const what = `ends at ${khz} kHz (${cutoff.dropDb} dB down): ${looksLike(cutoff.hz)}`;
  const severity = cutoff.hz <= dullHz ? "warning" : "info";
  return [remark(severity, "spectral-cutoff", "audio", what, "take a lossless or better version of it")];
}

/** What usually leaves a wall there. */
function looksLike(hz: number): string {
  if (hz < 4200) return "looks like 8 kHz audio made larger (telephone)";
  if (hz < 5800) return "looks like 11.025 kHz audio made larger";
  if (hz < 8200) return "looks like 16 kHz audio made larger (speech)";
  if (hz < 10_200) return "looks like a very low bitrate";
  if (hz < 12_200) return "looks like 22.05 or 24 kHz audio made larger, or mp3 at 64 kb/s";
  if (hz < 15_400) return "looks like mp3 at 96 kb/s or below, or a broadcast";
  if (hz <= dullHz) return "looks like mp3 or aac at about 128 kb/s";
  return "looks like mp3 at 160 to 192 kb/s";
}

function bitrateRemarks({ source, bitsPerSecond }: AudioReport): Remark[] {
  const least = leastBitrates[source.codec];
  // One channel needs about half.
  if (least === undefined || bitsPerSecond >= (source.channels === 1 ? least / 2 : least)) return [];
  const what = `is ${source.codec} at ${Math.round(bitsPerSecond / 1000)} kb/s`;
  const fix = "take a lossless or better version of it";
  // These two spend few bits on simple sounds, and rightly.
  const isVariable = source.codec === "vorbis" || source.codec === "opus";
  return [remark(isVariable ? "info" : "warning", "low-bitrate", "audio", what, fix)];
}
