// node bench/analysis/bench.mjs [--songs 72] [--seeds 1,900] [--soundfont FILE.sf2] [--json] [-o FILE]
// Plays songs whose tempo, key, metre and sections are known, analyses them, and prints what was right. The weights were
// fitted on seeds 1 to 4 (train.mjs); seeds from 900 are never trained on. A sound font is a second, independent
// instrument: it needs fluidsynth and a General MIDI .sf2 (Debian: fluidsynth, timgm6mb-soundfont, fluid-soundfont-gm).
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { analyzeAudio } from "../../packages/dataset/dist/analysis/analyze-audio.js";
import { decodeFile } from "../../packages/dataset/dist/audio/decode-file.js";
import { writeWav } from "../../packages/dataset/dist/index.js";
import { renderer } from "./render.mjs";
import { score, summary, table } from "./score.mjs";
import { makeSongs } from "./song.mjs";

const { values: options } = parseArgs({
  options: {
    songs: { type: "string", default: "72" },
    seeds: { type: "string", default: "1,900" },
    soundfont: { type: "string" },
    json: { type: "boolean", default: false },
    output: { type: "string", short: "o" },
  },
});
const rateHz = 48_000;

/** Seconds of this process's CPU that something took. @template T @param {() => T} work @returns {[T, number]} */
function timed(work) {
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  return [result, (user + system) / 1e6];
}

const render = renderer(options.soundfont);
const instrument = options.soundfont === undefined ? "own synthesiser" : basename(options.soundfont);
const sets = [];
for (const seed of options.seeds.split(",").map(Number)) {
  const rows = [];
  let [audioS, cpuS] = [0, 0];
  for (const song of makeSongs(Number(options.songs), seed)) {
    const channels = render(song);
    const [analysis, took] = timed(() => analyzeAudio(channels, rateHz));
    audioS += analysis.durationS;
    cpuS += took;
    rows.push(score(song, analysis));
  }
  const set = {
    instrument,
    seed,
    heldOut: seed >= 900,
    ...summary(rows),
    timesRealTime: audioS / cpuS,
    audioS,
  };
  sets.push({ ...set, rows });
  if (!options.json) console.log(`${table(set, rows)}\n`);
}

const report = {
  machine: { cpu: cpus()[0]?.model.trim(), node: process.versions.node },
  commit: execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim(),
  withDecode: await speedFromFile(),
  sets,
};
if (options.output !== undefined) writeFileSync(options.output, `${JSON.stringify(report, null, 1)}\n`);
if (options.json) console.log(JSON.stringify(report));
else
  console.log(
    `with decoding and resampling (wav, 44.1 kHz): ${report.withDecode.timesRealTime.toFixed(0)} times real time of one core`,
  );

/** A file of four minutes, decoded, resampled and analysed by one thread. */
async function speedFromFile() {
  const folder = mkdtempSync(join(tmpdir(), "acewright-analysis-"));
  try {
    const [song] = makeSongs(1, 900);
    if (song === undefined) throw new Error("no song");
    const [left, right] = renderer()(song);
    const count = 240 * 44_100;
    const repeat = (/** @type {Float32Array} */ side) =>
      Float32Array.from({ length: count }, (_, i) => side[i % side.length] ?? 0);
    const path = join(folder, "song.wav");
    writeWav(path, [repeat(left), repeat(right)], 44_100);
    const before = process.cpuUsage();
    const { channels, durationS } = await decodeFile(
      { path, sampleRateHz: rateHz, maxDurationS: undefined },
      () => undefined,
    );
    analyzeAudio(channels, rateHz);
    const { user, system } = process.cpuUsage(before);
    return { durationS, cpuS: (user + system) / 1e6, timesRealTime: (durationS * 1e6) / (user + system) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
