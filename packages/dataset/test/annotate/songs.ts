import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeWav } from "../../src/audio/write-wav.js";
import { saveDataset } from "../../src/dataset-file/save-dataset.js";
import { Dataset, Sample } from "../../src/dataset-file/schema.js";

/** A key as long as a real one; it must turn up nowhere but in the one header. */
export const testKey = "sk-loopback/0123456789+abcdef";

/** Patience for tests. */
export const hasty = { retryWaitS: 0.01, longestWaitS: 2, timeoutS: 5 } as const;

export interface SongFolder extends Disposable {
  path: string;
  /** dataset.json of the songs, relative to the folder. */
  dataset: string;
  song(index: number): string;
  samples(): Sample[];
}

/** So many short songs, and a dataset of them. */
export function songFolder(
  count: number,
  change: (sample: Sample, index: number) => Partial<Sample> = () => ({}),
): SongFolder {
  const path = mkdtempSync(join(tmpdir(), "acewright-annotate-"));
  const song = (index: number): string => join(path, `song-${String(index).padStart(3, "0")}.wav`);
  const samples = Array.from({ length: count }, (_, index) => {
    const wave = Float32Array.from({ length: 800 }, (_, t) => 0.5 * Math.sin(t * (0.1 + index / 100)));
    writeWav(song(index), [wave], 8000);
    const name = `song-${String(index).padStart(3, "0")}.wav`;
    const sample = Sample.parse({ id: String(index), audio_path: name, filename: name, duration: 60 });
    return { ...sample, ...change(sample, index) };
  });
  const dataset = join(path, "dataset.json");
  saveDataset(dataset, Dataset.parse({ metadata: { name: "t", created_at: "" }, samples }));
  return {
    path,
    dataset,
    song,
    samples: () => (JSON.parse(readFileSync(dataset, "utf8")) as { samples: Sample[] }).samples,
    [Symbol.dispose]: () => {
      rmSync(path, { recursive: true });
    },
  };
}

/** Everything that lies in a folder as one text, names included. */
export function everythingIn(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .map((path) => (statSync(path).isFile() ? `${path}\n${readFileSync(path, "latin1")}` : path))
    .join("\n");
}

/** Whisper's answer of one line, confident by default. */
export function whisperAnswer(text: string, probability = 0.9): object {
  const words = text.split(" ").map((word, i) => ({ word, start: i * 0.5, end: i * 0.5 + 0.4, probability }));
  const segments = [
    { id: 0, start: 0, end: words.length * 0.5, text, avg_logprob: -0.1, no_speech_prob: 0.01 },
  ];
  return { task: "transcribe", language: "english", duration: 60, text, words, segments };
}
