// node bench/decode.mjs [--seconds N]: how many times faster than real time one core decodes and resamples to 48 kHz, by
// format and source rate. Prints JSON. The sounds are made by ffmpeg; processor time is taken, the best of three.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { decodeFile } from "../packages/dataset/dist/audio/decode-file.js";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "120" } } });
/** @type {[string, number, number, string[]][]} extension, source rate, what issue 4 asks for, encoding */
const formats = [44100, 48000].flatMap((rateHz) => [
  ["wav", rateHz, 150, ["-c:a", "pcm_s16le"]],
  ["flac", rateHz, 150, []],
  ["mp3", rateHz, 100, ["-b:a", "192k"]],
  ["ogg", rateHz, 100, ["-q:a", "6"]],
]);
formats.push(["opus", 48000, 100, ["-b:a", "128k"]]);

const folder = mkdtempSync(join(tmpdir(), "acewright-decode-"));
try {
  const results = [];
  for (const [extension, rateHz, wanted, encoding] of formats) {
    const path = join(folder, `${String(rateHz)}.${extension}`);
    const left = "0.3*sin(2*PI*220*t)+0.2*sin(2*PI*3300*t+sin(7*t))+0.1*random(0)";
    const sound = `aevalsrc='${left}|0.3*sin(2*PI*330*t)+0.1*random(1)':s=${String(rateHz)}:d=${values.seconds}`;
    execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", sound, ...encoding, path]);
    let times = 0;
    for (let round = 0; round < 3; round++) {
      const start = process.cpuUsage();
      const { durationS } = await decodeFile(
        { path, sampleRateHz: 48000, maxDurationS: undefined },
        () => undefined,
      );
      const { user, system } = process.cpuUsage(start);
      times = Math.max(times, durationS / ((user + system) / 1e6));
    }
    results.push({ format: extension, rateHz, timesRealTime: Math.round(times), wanted });
  }
  const machine = { cpu: cpus()[0]?.model, load: loadavg()[0], node: process.versions.node };
  console.log(JSON.stringify({ ...machine, seconds: Number(values.seconds), results }, null, 2));
} finally {
  rmSync(folder, { recursive: true });
}
