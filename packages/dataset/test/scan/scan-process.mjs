// Scans the folder it is given and prints, as JSON, what it found, took and grew to.
import { saveDataset, scanFolder } from "@acewright/dataset";

const [folder = "", output = ""] = process.argv.slice(2);
const startMs = performance.now();
const { dataset, report } = await scanFolder(folder);
saveDataset(output, dataset);
const seconds = (performance.now() - startMs) / 1000;
const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
console.log(
  JSON.stringify({
    songs: dataset.samples.length,
    matched: report.csv.matchedSongs,
    warnings: report.warnings.length,
    seconds,
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    peakMiB: maxRSS / 1024,
  }),
);
