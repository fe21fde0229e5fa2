import type { AudioProblem } from "../audio/refusal.js";
import { remark, type FindingCode, type Remark } from "./finding.js";
import type { AudioReport } from "./measure/measure-file.js";
import { silentLevel } from "./measure/silence-meter.js";
import { qualityRemarks } from "./quality-remarks.js";
import type { CheckSettings } from "./settings.js";

/** Fewer seconds than this hold no music the model could learn. */
const leastS = 1;
/** A pause inside a song that is rather a hidden track. */
const longPauseS = 15;
const quietLufs = -40;

const refusals: Readonly<Record<AudioProblem, [FindingCode, string]>> = {
  missing: ["missing-file", "mend audio_path, or scan the folder again"],
  empty: ["empty", "export the song again, or remove it"],
  "not-audio": ["unreadable", "convert it to wav, flac, mp3, ogg or opus, or remove it"],
  unsupported: ["unreadable", "convert it to wav, flac, mp3, ogg or opus, or remove it"],
  truncated: ["damaged", "get the whole file again, or remove it"],
  damaged: ["damaged", "get the whole file again, or remove it"],
  "no-frames": ["empty", "export the song again, or remove it"],
  "not-finite": ["nan", "export the song again; a plug-in went wrong"],
  "too-loud": ["too-loud", "normalise the song to full scale"],
  "too-long": ["too-long", "cut it into songs"],
  "needs-ffmpeg": ["needs-ffmpeg", "install ffmpeg, or convert the song to flac"],
  stalled: ["damaged", "get the whole file again, or remove it"],
};

/** A file that could not be read, as a remark; `message` is the decoder's line without the path. */
export function refusalRemark(problem: AudioProblem, message: string): Remark {
  const [code, fix] = refusals[problem];
  return remark("error", code, problem === "missing" ? "audio_path" : "audio", message, fix);
}

/** Everything a song's measured sound gives cause to say. */
export function audioRemarks(
  report: AudioReport,
  durationField: number,
  settings: Pick<CheckSettings, "minDurationS" | "maxDurationS" | "edgeSilenceS">,
): Remark[] {
  const notes = report.warnings.map((line) =>
    remark("info", "decoder-note", "audio", line, "nothing needs doing if it sounds right"),
  );
  const lengths = lengthRemarks(report.durationS, durationField, settings);
  if (report.peak < silentLevel) {
    const fix = "replace it, or remove it";
    return [
      ...notes,
      ...lengths,
      remark("warning", "silent", "audio", "is silent from beginning to end", fix),
    ];
  }
  return [...notes, ...lengths, ...silenceRemarks(report, settings.edgeSilenceS), ...qualityRemarks(report)];
}

function lengthRemarks(
  durationS: number,
  durationField: number,
  { minDurationS, maxDurationS }: Pick<CheckSettings, "minDurationS" | "maxDurationS">,
): Remark[] {
  const found: Remark[] = [];
  const seconds = durationS.toFixed(2);
  if (durationS < leastS) {
    const what = `is ${seconds} s long, at least ${leastS} s was expected`;
    found.push(remark("error", "too-short", "audio", what, "take a longer piece, or remove it"));
  } else if (durationS < minDurationS) {
    const fix = `songs of at least ${minDurationS} s teach more; take a longer piece`;
    found.push(remark("warning", "too-short", "audio", `is only ${seconds} s long`, fix));
  }
  if (durationS > maxDurationS) {
    const what = `is ${seconds} s long, at most ${maxDurationS} s was expected`;
    found.push(remark("warning", "too-long", "audio", what, "cut it into songs, or train on crops"));
  }
  if (Math.abs(durationField - durationS) > 1 && durationField > 0) {
    const what = `duration says ${durationField} s, the song has ${seconds} s`;
    const fix = "scan the folder again, or correct duration";
    found.push(remark("warning", "duration-differs", "duration", what, fix, Math.floor(durationS)));
  }
  return found;
}

function silenceRemarks({ silence, loudnessLufs }: AudioReport, edgeSilenceS: number): Remark[] {
  const { startS, endS, longestInsideS, longestInsideAtS } = silence;
  const found: Remark[] = [];
  if (startS >= edgeSilenceS) {
    const what = `begins with ${startS.toFixed(1)} s of silence`;
    found.push(remark("warning", "silent-start", "audio", what, "cut the beginning off"));
  }
  if (endS >= edgeSilenceS) {
    const what = `ends with ${endS.toFixed(1)} s of silence`;
    found.push(remark("warning", "silent-end", "audio", what, "cut the end off"));
  }
  if (longestInsideS >= longPauseS) {
    const what = `is silent for ${longestInsideS.toFixed(1)} s from ${longestInsideAtS.toFixed(1)} s on`;
    found.push(remark("info", "silent-middle", "audio", what, "cut it in two if these are two songs"));
  }
  if (loudnessLufs !== null && loudnessLufs < quietLufs) {
    const what = `is very quiet (${loudnessLufs.toFixed(1)} LUFS)`;
    found.push(remark("info", "quiet", "audio", what, "normalise it, here or when it is preprocessed"));
  }
  return found;
}
