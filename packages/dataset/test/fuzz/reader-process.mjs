// Reads the files it is told of, one a message, as the package's doors do, and answers what became of each and how large
// this process has grown. What it cannot answer (a crash, a hang) its parent sees.
import { AceError, readSafetensors } from "@acewright/core-native";
import { decodeAudio, loadDataset, readTorchFile, scanFolder } from "@acewright/dataset";
import { dirname } from "node:path";
import { readTensorFile } from "../../dist/tensors/tensor-file.js";

/** @type {Record<string, (path: string) => Promise<string[]> | string[]>} the lines said beside what was read */
const readers = {
  async audio(path) {
    const { report } = await scanFolder(dirname(path));
    const said = [...report.warnings, ...report.skipped.map(({ path: at, reason }) => `${at}: ${reason}`)];
    const { channels, warnings } = await decodeAudio(path);
    if (channels[0].length === 0) throw new Error("a song of no samples");
    return [...said, ...warnings];
  },
  async sidecar(path) {
    const { dataset, report } = await scanFolder(dirname(path));
    if (dataset.samples.length !== 1) throw new Error(`the song beside is lost: ${JSON.stringify(report)}`);
    return report.warnings;
  },
  async dataset(path) {
    return (await loadDataset(path, { missingAudio: "keep" })).warnings;
  },
  torch(path) {
    readTorchFile(path);
    return [];
  },
  safetensors(path) {
    readSafetensors(path);
    readTensorFile(path);
    return [];
  },
};

/** @param {{ reader: string, path: string }} request */
async function answer({ reader, path }) {
  try {
    const said = await readers[reader]?.(path);
    return { outcome: "read", lines: said };
  } catch (error) {
    if (error instanceof AceError && error.code !== "ERR_INTERNAL")
      return { outcome: "refused", lines: [error.message] };
    return { outcome: "fault", lines: [error instanceof Error ? String(error.stack) : String(error)] };
  }
}

process.on("message", (/** @type {{ reader: string, path: string }} */ request) => {
  void answer(request).then((reply) => {
    process.send?.({ ...reply, peakMiB: process.resourceUsage().maxRSS / 1024 });
  });
});
process.send?.("ready");
