import { normaliseKey } from "../../dataset-file/key-name.js";
import type { Sample } from "../../dataset-file/schema.js";
import { normaliseTimeSignature } from "../../dataset-file/time-signature.js";
import { remark, type Remark } from "../finding.js";
import { languageCodes, suggestLanguage } from "./languages.js";

/** The seventy keys the language model knows. */
const keyPattern = /^[A-G](?:#|b|♯|♭)? (?:major|minor)$/;
const timeSignatures: ReadonlySet<string> = new Set(["2", "3", "4", "6"]);
const bpmRange = { least: 30, most: 300 };

/** What is missing from a sample or spelt in a way the model does not know, with the right spelling where there is one. */
export function fieldRemarks(sample: Sample): Remark[] {
  return [
    ...bpmRemarks(sample.bpm),
    ...keyRemarks(sample.keyscale),
    ...timeSignatureRemarks(sample.timesignature),
    ...languageRemarks(sample.language),
    ...missingRemarks(sample),
    ...pathRemarks(sample.audio_path),
  ];
}

function bpmRemarks(bpm: number | null): Remark[] {
  if (bpm === null || bpm === 0) return [];
  const { least, most } = bpmRange;
  if (Number.isInteger(bpm) && bpm >= least && bpm <= most) return [];
  const octave =
    bpm > 0 ? [bpm, bpm * 2, bpm / 2].find((value) => value >= least && value <= most) : undefined;
  const suggestion = octave === undefined ? undefined : Math.round(octave);
  const what = `bpm ${bpm}, a whole number from ${least} to ${most} was expected`;
  const fix = suggestion === undefined ? "correct bpm or clear it" : `write ${suggestion} if that is meant`;
  return [remark("warning", "odd-bpm", "bpm", what, fix, suggestion)];
}

function keyRemarks(keyscale: string): Remark[] {
  if (keyscale === "" || keyPattern.test(keyscale)) return [];
  const suggestion = suggestKey(keyscale);
  const what = `keyscale "${keyscale}" is none the model knows`;
  if (suggestion !== undefined) {
    return [remark("warning", "odd-key", "keyscale", what, `write "${suggestion}"`, suggestion)];
  }
  const fix = 'write it like "C major" or "F# minor", or leave it if the key is meant';
  return [remark("info", "odd-key", "keyscale", what, fix)];
}

function suggestKey(text: string): string | undefined {
  const modes: Readonly<Record<string, string>> = { ionian: "major", aeolian: "minor" };
  const words = text
    .trim()
    .replace(/\s+/g, " ")
    .replace(/\b(ionian|aeolian)\b/i, (mode) => modes[mode.toLowerCase()] ?? mode)
    // German: H is B, and Cis, Es and their like are C sharp and E flat.
    .replace(/^h(?=[\s-]*(?:dur|moll))/i, "B")
    .replace(/^([a-g])is(?=[\s-]*(?:dur|moll))/i, "$1#")
    .replace(
      /^(?:([dg])es|([ae])s)(?=[\s-]*(?:dur|moll))/i,
      (_, d?: string, e?: string) => `${d ?? e ?? ""}b`,
    );
  const key = normaliseKey(words);
  return keyPattern.test(key) ? key : undefined;
}

function timeSignatureRemarks(timesignature: string): Remark[] {
  if (timesignature === "" || timeSignatures.has(timesignature)) return [];
  const beats: Readonly<Record<string, string>> = { c: "4", common: "4", cut: "2", waltz: "3" };
  const known = beats[timesignature.trim().toLowerCase()] ?? normaliseTimeSignature(timesignature);
  const suggestion = timeSignatures.has(known) ? known : undefined;
  const what = `timesignature "${timesignature}" is none the model knows`;
  return suggestion === undefined
    ? [
        remark(
          "info",
          "odd-time-signature",
          "timesignature",
          what,
          "write 2, 3, 4 or 6, or leave it if the metre is meant",
        ),
      ]
    : [remark("warning", "odd-time-signature", "timesignature", what, `write "${suggestion}"`, suggestion)];
}

function languageRemarks(language: string): Remark[] {
  if (languageCodes.has(language)) return [];
  const suggestion = suggestLanguage(language);
  const what = `language "${language}" is none the model knows`;
  const fix = suggestion === undefined ? 'write a code such as "en", or "unknown"' : `write "${suggestion}"`;
  return [remark("warning", "odd-language", "language", what, fix, suggestion)];
}

function missingRemarks(sample: Sample): Remark[] {
  const missing = [
    ...(sample.bpm === null || sample.bpm === 0 ? ["bpm"] : []),
    ...(sample.keyscale === "" ? ["keyscale"] : []),
    ...(sample.timesignature === "" ? ["timesignature"] : []),
    ...(!sample.is_instrumental && sample.language === "unknown" ? ["language"] : []),
  ];
  if (missing.length === 0) return [];
  const what = `has no ${missing.join(", ")}: the prompt says so`;
  const fix = "let them be found (dataset analyze), or write them";
  return [remark("info", "missing-fields", missing[0], what, fix)];
}

function pathRemarks(path: string): Remark[] {
  const hasBackslash = path.includes("\\") && !/^[A-Za-z]:\\|^\\\\/.test(path);
  if (!hasBackslash || process.platform === "win32") return [];
  const suggestion = path.replaceAll("\\", "/");
  const what = `audio_path "${path}" is written with backslashes`;
  return [remark("warning", "odd-path", "audio_path", what, `write "${suggestion}"`, suggestion)];
}
