// Lays so many songs of so many seconds, checks them, and prints as JSON how much memory it grew to on the way.
import { checkDataset, Dataset, writeWav } from "@acewright/dataset";
import { linkSync } from "node:fs";
import { join } from "node:path";

const [folder = "", count = "1", seconds = "1"] = process.argv.slice(2);
const rateHz = 44_100;
/** Distinct sounds; the rest are further names of the same files, as a disk full of songs is none of this test. */
const distinct = 20;
const samples = Array.from({ length: Number(count) }, (_, index) => {
  const audio_path = `song-${index}.wav`;
  if (index < distinct) {
    const side = (hz) =>
      Float32Array.from(
        { length: rateHz * Number(seconds) },
        (_, i) =>
          0.3 * Math.sin((2 * Math.PI * hz * i) / rateHz) * (1 - ((i / rateHz) % 1)) +
          0.1 * (Math.random() - 0.5),
      );
    writeWav(join(folder, audio_path), [side(200 + 20 * index), side(300 + 30 * index)], rateHz);
  } else linkSync(join(folder, `song-${index % distinct}.wav`), join(folder, audio_path));
  return { id: `${index}`, audio_path, filename: audio_path, caption: "notes" };
});
const dataset = Dataset.parse({ metadata: {}, samples });
const mebibytes = () => process.memoryUsage().rss / 2 ** 20;
let early = 0;
let most = 0;
const startMs = performance.now();
const findings = await checkDataset(dataset, {
  folder,
  workers: 2,
  onProgress: ({ done, total }) => {
    // The first tenth fills heaps, tables and compiled code; what grows after it grows with the songs.
    if (done <= total / 10) early = Math.max(early, mebibytes());
    most = Math.max(most, mebibytes());
  },
});
const checkS = (performance.now() - startMs) / 1000;
console.log(
  JSON.stringify({
    songs: samples.length,
    findings: findings.length,
    checkS,
    early,
    most,
    grown: most - early,
  }),
);
