/** One container this package tells apart by its content. */
interface KindWords {
  /** In messages: "is ... in spite of its name". */
  name: string;
  /** Lower case, without the dot; one extension may promise several kinds. */
  extensions: readonly string[];
  /** ffmpeg's demuxer, where ffmpeg decodes it; others are decoded here. */
  demuxer?: string;
  /** True where the container says how long it plays; else only decoding tells. */
  timed?: boolean;
  /** What the tag reader calls it; without one it holds no tags that are read. */
  mimeType?: string;
}

/** The containers this package tells apart, by their first bytes and never by the file's name. */
const kinds = {
  wav: { name: "a WAV file", extensions: ["wav"], mimeType: "audio/wav" },
  aiff: { name: "an AIFF file", extensions: ["aiff", "aif"], mimeType: "audio/aiff" },
  flac: { name: "a FLAC file", extensions: ["flac"], mimeType: "audio/flac" },
  mp3: { name: "an MP3 file", extensions: ["mp3"], mimeType: "audio/mpeg" },
  vorbis: { name: "an Ogg Vorbis file", extensions: ["ogg", "oga"], mimeType: "audio/ogg" },
  opus: { name: "an Ogg Opus file", extensions: ["opus", "ogg", "oga"], mimeType: "audio/ogg" },
  oggflac: { name: "an Ogg FLAC file", extensions: ["flac", "ogg", "oga"], mimeType: "audio/ogg" },
  m4a: {
    name: "an MPEG-4 file",
    extensions: ["m4a", "m4b", "mp4", "aac"],
    demuxer: "mov",
    timed: true,
    mimeType: "audio/mp4",
  },
  aac: { name: "an AAC file", extensions: ["aac"], demuxer: "aac", mimeType: "audio/aac" },
  wma: {
    name: "a Windows Media file",
    extensions: ["wma"],
    demuxer: "asf",
    timed: true,
    mimeType: "audio/ms-wma",
  },
  wavpack: {
    name: "a WavPack file",
    extensions: ["wv"],
    demuxer: "wv",
    timed: true,
    mimeType: "audio/wavpack",
  },
  ape: {
    name: "a Monkey's Audio file",
    extensions: ["ape"],
    demuxer: "ape",
    timed: true,
    mimeType: "audio/ape",
  },
  matroska: {
    name: "a Matroska or WebM file",
    extensions: ["mka", "webm", "weba"],
    demuxer: "matroska",
    timed: true,
    mimeType: "audio/matroska",
  },
  caf: { name: "a Core Audio file", extensions: ["caf"], demuxer: "caf", timed: true },
  ac3: { name: "an AC-3 file", extensions: ["ac3"], demuxer: "ac3" },
  eac3: { name: "an Enhanced AC-3 file", extensions: ["eac3", "ec3"], demuxer: "eac3" },
} as const satisfies Readonly<Record<string, KindWords>>;

export type AudioKind = keyof typeof kinds;

/** Kinds that `ffmpeg` decodes. */
export type FfmpegKind = {
  [Kind in AudioKind]: (typeof kinds)[Kind] extends { demuxer: string } ? Kind : never;
}[AudioKind];

/** The words for a kind in messages, and who reads it. */
export const kindWords: Readonly<Record<AudioKind, KindWords>> = kinds;

/** True for kinds that `ffmpeg` decodes. */
export function isFfmpegKind(kind: AudioKind): kind is FfmpegKind {
  return kindWords[kind].demuxer !== undefined;
}

/** Extensions (lower case, no dot) a folder scan takes for songs. */
export const audioExtensions: readonly string[] = [
  ...new Set(Object.values(kindWords).flatMap(({ extensions }) => extensions)),
];

/** True when the name's extension promises another kind than the content is. */
export function isMisnamed(extension: string, kind: AudioKind): boolean {
  return !kindWords[kind].extensions.includes(extension.toLowerCase());
}
