import { keyNames } from "./song.mjs";

/** @typedef {import("../../packages/dataset/dist/analysis/analyze-audio.js").SongAnalysis} SongAnalysis */

/**
 * One song's truth beside what was heard.
 *
 * @param {import("./song.mjs").Song} song
 * @param {SongAnalysis} analysis
 */
export function score({ truth }, { tempo, key, timeSignature, sections }) {
  const ratio = (tempo?.bpm ?? Number.NaN) / truth.bpm;
  const near = (/** @type {number} */ wanted) => Math.abs(ratio / wanted - 1) <= 0.01;
  const starts = truth.sections.slice(1);
  const found = sections.slice(1).map(({ startS }) => startS);
  const hits = starts.filter((start) => found.some((at) => Math.abs(at - start) <= 3)).length;
  return {
    name: truth.name,
    truth: { bpm: truth.bpm, key: truth.key, timesignature: truth.timesignature },
    heard: { bpm: tempo?.bpm, key: key?.key, timesignature: timeSignature?.timesignature },
    confidence: {
      tempo: tempo?.confidence ?? 0,
      key: key?.confidence ?? 0,
      timesignature: timeSignature?.confidence ?? 0,
    },
    tempo: near(1),
    tempoOrOctave: near(1) || near(0.5) || near(2),
    /** The right tempo is the one given or among the alternatives named. */
    tempoNamed:
      near(1) || (tempo?.alternatives ?? []).some(({ bpm }) => Math.abs(bpm / truth.bpm - 1) <= 0.01),
    key: key?.key === truth.key,
    keyOrRelated: key !== undefined && isRelated(key.key, truth.key),
    timesignature: timeSignature?.timesignature === truth.timesignature,
    boundaries: { hits, true: starts.length, found: found.length },
  };
}

/** The same, relative, parallel or a fifth away. @param {string} heard @param {string} truth */
function isRelated(heard, truth) {
  const [[note = "", mode = ""], [trueNote = "", trueMode = ""]] = [heard.split(" "), truth.split(" ")];
  const up = (keyNames.indexOf(note) - keyNames.indexOf(trueNote) + 12) % 12;
  if (mode === trueMode) return [0, 5, 7].includes(up);
  return up === 0 || up === (trueMode === "major" ? 9 : 3);
}

/** @typedef {ReturnType<typeof score>} Row */

/** Shares of songs, 0 to 1. @param {readonly Row[]} rows */
export function summary(rows) {
  const share = (/** @type {(row: Row) => boolean} */ holds) => rows.filter(holds).length / rows.length;
  const sum = (/** @type {"hits" | "true" | "found"} */ name) =>
    rows.reduce((all, row) => all + row.boundaries[name], 0);
  const sure = rows.filter(({ confidence }) => Math.min(confidence.tempo, confidence.key) >= 0.6);
  return {
    songs: rows.length,
    tempo: share((row) => row.tempo),
    tempoOrOctave: share((row) => row.tempoOrOctave),
    tempoNamed: share((row) => row.tempoNamed),
    key: share((row) => row.key),
    keyOrRelated: share((row) => row.keyOrRelated),
    timesignature: share((row) => row.timesignature),
    boundaryRecall: sum("hits") / Math.max(1, sum("true")),
    boundaryPrecision: sum("hits") / Math.max(1, sum("found")),
    /** Songs whose tempo and key are both at least 0.6 sure, and how many of those are right in both. */
    sure: sure.length / rows.length,
    rightWhereSure: sure.filter((row) => row.tempo && row.key).length / Math.max(1, sure.length),
  };
}

/** @param {ReturnType<typeof summary> & { instrument: string, seed: number, heldOut: boolean, timesRealTime: number }} set @param {readonly Row[]} rows */
export function table(set, rows) {
  const percent = (/** @type {number} */ value) => `${(100 * value).toFixed(1)} %`;
  const wrong = rows.filter((row) => !row.tempo || !row.key || !row.timesignature);
  const one = ({ name, truth, heard, confidence }) =>
    `  ${name.padEnd(26)} ${String(truth.bpm).padStart(6)} ${(heard.bpm?.toFixed(1) ?? "-").padStart(6)} (${confidence.tempo.toFixed(2)})  ` +
    `${truth.key.padEnd(9)} ${(heard.key ?? "-").padEnd(9)} (${confidence.key.toFixed(2)})  ` +
    `${truth.timesignature} ${heard.timesignature ?? "-"} (${confidence.timesignature.toFixed(2)})`;
  return [
    `${set.instrument}, seed ${set.seed}${set.heldOut ? " (held out)" : ""}: ${set.songs} songs, ${set.timesRealTime.toFixed(0)} times real time of one core`,
    `  tempo within 1 %        ${percent(set.tempo)}`,
    `  or half or double       ${percent(set.tempoOrOctave)}; named at all ${percent(set.tempoNamed)}`,
    `  key                     ${percent(set.key)}`,
    `  or relative, parallel, fifth ${percent(set.keyOrRelated)}`,
    `  time signature          ${percent(set.timesignature)}`,
    `  section boundaries, 3 s recall ${percent(set.boundaryRecall)}, precision ${percent(set.boundaryPrecision)}`,
    `  sure of tempo and key   ${percent(set.sure)}, of those right ${percent(set.rightWhereSure)}`,
    ...(wrong.length === 0 ? [] : ["  not right (truth, heard, confidence):", ...wrong.map(one)]),
  ].join("\n");
}
