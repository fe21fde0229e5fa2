import { AceError } from "@acewright/core-native";
import { decodeAudio } from "../audio/decode.js";
import type { DecodedAudio } from "../audio/decode-file.js";
import { ByteSource } from "../audio/byte-source.js";
import { audioProblemOf, type AudioProblem } from "../audio/refusal.js";
import type { Song } from "../dataset-file/resolve-audio.js";
import type { Finding, FindingCode } from "./finding.js";

/** Below this level a sample counts as silence; the official labeler uses the same mark. */
const silenceLevel = 1e-6;
/** Fewer seconds than this hold no music the model could learn. */
const leastS = 1;
const shortS = 5;
/** The longest song the model was trained on. */
const longestS = 600;
/** Full-scale samples in this share of a song are heard as distortion. */
const clippedShare = 0.001;

const codeOfProblem: Readonly<Record<AudioProblem, FindingCode>> = {
  missing: "missing-file",
  empty: "empty",
  "not-audio": "unreadable",
  unsupported: "unreadable",
  truncated: "damaged",
  damaged: "damaged",
  "no-frames": "empty",
  "not-finite": "nan",
  "too-loud": "too-loud",
  "too-long": "too-long",
  "needs-ffmpeg": "needs-ffmpeg",
  stalled: "damaged",
};

const fixOfCode: Partial<Record<FindingCode, string>> = {
  "missing-file": "mend audio_path, or scan the folder again",
  empty: "export the song again, or remove it",
  unreadable: "convert it to wav, flac, mp3, ogg or opus, or remove it",
  damaged: "get the whole file again, or remove it",
  "needs-ffmpeg": "install ffmpeg, or convert the song to flac",
  nan: "export the song again; a plug-in went wrong",
  "too-loud": "normalise the song to full scale",
  "too-long": "cut it into songs",
};

/** What stands in the way of reading the file at all; undefined when it can be opened. */
export async function checkFile(song: Song, index: number): Promise<Finding | undefined> {
  try {
    await using source = await ByteSource.open(song.audioFile);
    await source.read(0, 1);
    return undefined;
  } catch (error) {
    return refusalFinding(song, index, error);
  }
}

/** Decodes one song and looks at what came. */
export async function checkAudio(
  song: Song,
  index: number,
  signal: AbortSignal | undefined,
): Promise<Finding[]> {
  let audio: DecodedAudio;
  try {
    audio = await decodeAudio(song.audioFile, { signal });
  } catch (error) {
    return [refusalFinding(song, index, error)];
  }
  const finding = (severity: Finding["severity"], code: FindingCode, what: string, fix: string): Finding => ({
    severity,
    code,
    sample: index,
    message: `${nameOf(song)}: ${what}`,
    fix,
  });
  const findings = audio.warnings.map((line) =>
    finding(
      "info",
      "decoder-note",
      line.replace(`${song.audioFile}: `, ""),
      "nothing needs doing if it sounds right",
    ),
  );
  const seconds = audio.durationS.toFixed(2);
  if (audio.durationS < leastS) {
    const what = `is ${seconds} s long, at least ${leastS} s was expected`;
    findings.push(finding("error", "too-short", what, "take a longer piece, or remove it"));
  } else if (audio.durationS < shortS) {
    const what = `is only ${seconds} s long`;
    findings.push(
      finding("warning", "too-short", what, `songs of at least ${shortS} s teach more; take a longer piece`),
    );
  }
  if (audio.durationS > longestS) {
    const what = `is ${seconds} s long, the model knows songs of up to ${longestS} s`;
    findings.push(finding("warning", "too-long", what, "cut it into songs, or train on crops"));
  }
  if (Math.abs(song.sample.duration - audio.durationS) > 1 && song.sample.duration > 0) {
    const what = `duration says ${song.sample.duration} s, the song has ${seconds} s`;
    findings.push(finding("warning", "duration-differs", what, "scan the folder again, or correct duration"));
  }
  const { isSilent, clipped } = measureLevels(audio);
  if (isSilent) {
    findings.push(
      finding("warning", "silent", "is silent from beginning to end", "replace it, or remove it"),
    );
  }
  if (clipped > clippedShare) {
    const what = `${(clipped * 100).toFixed(1)} % of its samples are at full scale`;
    findings.push(finding("info", "clipped", what, "take a less loud master if there is one"));
  }
  return findings;
}

/** Turns a refusal to read or decode into a finding; anything else is no matter of the file and is thrown on. */
function refusalFinding(song: Song, index: number, error: unknown): Finding {
  const problem = audioProblemOf(error);
  if (problem === undefined || !(error instanceof AceError)) throw error;
  const code = codeOfProblem[problem];
  const what = error.message.replace(`${song.audioFile}: `, "");
  const path = code === "missing-file" ? `${song.audioFile} ` : "";
  const fix = fixOfCode[code] ?? "replace the song";
  return { severity: "error", code, sample: index, message: `${nameOf(song)}: ${path}${what}`, fix };
}

function nameOf(song: Song): string {
  return song.sample.filename === "" ? song.audioFile : song.sample.filename;
}

function measureLevels(audio: DecodedAudio): { isSilent: boolean; clipped: number } {
  let isSilent = true;
  let atFullScale = 0;
  for (const channel of audio.channels) {
    for (const sample of channel) {
      const level = Math.abs(sample);
      if (level >= silenceLevel) isSilent = false;
      if (level >= 0.9999) atFullScale++;
    }
  }
  return { isSilent, clipped: atFullScale / (2 * audio.channels[0].length) };
}
