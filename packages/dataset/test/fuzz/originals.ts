import { writeWav } from "@acewright/dataset";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeTensorFile } from "../../src/tensors/tensor-file.js";
import { sine, sweep } from "../audio/sounds.js";
import { comm, fmt, form, join as joined, riff, samples, ssnd } from "../audio/wave-files.js";
import { id3, withComments } from "../scan/tagged-files.js";
import { op, pickle, torchBytes } from "../torch-file/torch-bytes.js";

/** A sound file of some kilobytes, text or tensor file, and the door it goes through. */
export interface Original {
  name: string;
  reader: "audio" | "sidecar" | "dataset" | "torch" | "safetensors";
  bytes: Uint8Array;
}

const fixture = (name: string): Uint8Array =>
  readFileSync(fileURLToPath(new URL(`../fixtures/audio/${name}`, import.meta.url)));

const lrc =
  "[ti:Bells]\n[offset:+500]\n[Verse]\n[00:01.00][01:02:03.50]la <00:01.20> la\n[00:02,5]字<00:02.70>字\n[100:00]\n";
const sample = {
  id: "1",
  audio_path: "song.wav",
  caption: "bells \u00e9\u{1f514}",
  bpm: 120,
  lyrics: "la\nlu",
  own: [1, { deep: null }],
};
const texts: Original[] = [
  [
    "table.csv",
    "sidecar",
    'sep=,\nFile,Artist,BPM,Key,Camelot,caption\n"a, b.wav",Ann,"120,5",A minor,8A,"bells, ""live""\nslow"\nsong.wav,x,99,8A,,y\n',
  ],
  ["song.lrc", "sidecar", lrc],
  [
    "song.txt",
    "sidecar",
    "caption: bells\n  and strings\nbpm: 120\nsignature: 4/4\nrepeat: 2\nlyrics:\n[Verse]\n[00:01.00]la\n",
  ],
  [
    "song.json",
    "sidecar",
    '{"caption": "bells", "bpm": 120.5, "keyscale": "A minor", "timesignature": "4/4", "language": "en"}',
  ],
  [
    "dataset.json",
    "dataset",
    JSON.stringify({ metadata: { name: "x", genre_ratio: 30 }, samples: [sample, sample] }, null, 2),
  ],
].map(([name = "", reader, text = ""]) => ({
  name,
  reader: reader as Original["reader"],
  bytes: Buffer.from(text),
}));

function ownSounds(): Original[] {
  const short = [sweep(2000, 44100), sweep(2000, 44100, 0.1)];
  const wav = riff([fmt({ rateHz: 44100 }), { id: "data", body: samples(short, "s16") }]);
  const float = riff([fmt({ rateHz: 44100, tag: 3, bits: 32 }), { id: "data", body: samples(short, "f32") }]);
  const aiff = form([comm(2000, 16, 2, 44100), ssnd(samples(short, "s16", false))], "AIFF");
  const tags = { TIT2: "Bells", TPE1: "Ann", TBPM: "128", TKEY: "F#m", USLT: lrc };
  const comments = ["TITLE=Bells", "artist=Ann", "BPM=128", `LYRICS=${lrc}`];
  const named: [string, Uint8Array][] = [
    ["song.wav", wav],
    ["float.wav", float],
    ["song.aiff", aiff],
    ["song.mp3", fixture("sweep-44100.mp3")],
    ["tagged.mp3", joined(id3(tags), fixture("sweep-no-tag.mp3"))],
    ["song.ogg", fixture("sweep-44100.ogg")],
    ["song.opus", fixture("sweep.opus")],
    ["song.flac", fixture("sweep-24.flac")],
    ["tagged.flac", withComments(fixture("sweep-16.flac"), comments)],
  ];
  return named.map(([name, bytes]) => ({ name, reader: "audio", bytes }));
}

/** One of each container that ffmpeg decodes; none where it is not installed. */
function ffmpegSounds(): Original[] {
  if (spawnSync("ffmpeg", ["-version"]).status !== 0) return [];
  const names = [
    "song.m4a",
    "song.aac",
    "song.wma",
    "song.wv",
    "song.mka",
    "song.webm",
    "song.caf",
    "song.ac3",
  ];
  return made(names, (path) => {
    const source = "aevalsrc=0.5*sin(2000*t):s=48000:d=0.3";
    const encoder = path.endsWith(".webm") ? ["-c:a", "libopus"] : [];
    execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", source, ...encoder, path]);
  }).map((original) => ({ ...original, reader: "audio" as const }));
}

function tensorFiles(): Original[] {
  const floats = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);
  const body = op.dict(
    ...[op.text("latents"), op.tensor("FloatStorage", "0", 6, [2, 3], [3, 1])],
    ...[op.text("mask"), op.tensor("FloatStorage", "0", 6, [4, 6], [0, 1])],
    ...[op.text("note"), op.list(op.text("ü"), op.int(-7), op.float(0.5), op.true, op.none)],
  );
  const torch = [false, true].map((deflate) => ({
    name: `${deflate ? "deflated" : "stored"}.pt`,
    reader: "torch" as const,
    bytes: torchBytes(pickle(body), { 0: floats }, { deflate }),
  }));
  const [song] = made(["song.safetensors"], (path) => {
    const segment = { lyrics: [0, 1], timbre: [1, 2], text: [2, 3] } as const;
    writeTensorFile(
      path,
      {
        frames: 3,
        channels: 2,
        latents: Float32Array.of(1, 2, 3, 4, 5, 6),
        conditions: [Float32Array.of(1, 2, 3, 4, 5, 6)],
        width: 2,
        contextLatents: undefined,
      },
      {
        id: "song",
        prompt: {
          captions: ["piano"],
          lyrics: "ü",
          bpm: 120,
          timesignature: "4",
          keyscale: "",
          language: "de",
        },
        source: { path: "/songs/song.wav", sha256: "ab" },
        durationS: 0.12,
        conditioning: "inference",
        modelFingerprint: "f",
        recipe: { version: 1 },
        segments: [{ lyrics: [...segment.lyrics], timbre: [...segment.timbre], text: [...segment.text] }],
      },
    );
  });
  return [...torch, ...(song === undefined ? [] : [{ ...song, reader: "safetensors" as const }])];
}

/** Files as something else writes them, read back. */
function made(
  names: readonly string[],
  write: (path: string) => void,
): { name: string; bytes: Uint8Array }[] {
  const folder = mkdtempSync(join(tmpdir(), "acewright-originals-"));
  try {
    return names.map((name) => {
      write(join(folder, name));
      return { name, bytes: readFileSync(join(folder, name)) };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Whole files of every format that is read. */
export function originals(): Original[] {
  return [...ownSounds(), ...ffmpegSounds(), ...texts, ...tensorFiles()];
}

/** The song that stands beside a damaged sidecar. */
export function writeSong(path: string): void {
  writeWav(path, [sine(800, 8000, 440)], 8000);
}
