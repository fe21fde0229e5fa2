import type { ManifestHead, ManifestSample } from "./manifest.js";
import type { TensorContent, TensorFile, TensorMetadata } from "./tensor-file.js";

/** A song as a store has it, with its line of the manifest. */
export interface StoredSong extends TensorFile {
  readonly sample: ManifestSample;
}

/** Where songs' tensors are written to: a file a song, or shards of many songs. */
export interface TensorStore {
  /**
   * What lies there under this id; undefined where nothing does.
   *
   * @throws {AceError} ERR_FILE when it is damaged.
   */
  find(id: string): Promise<StoredSong | undefined>;
  /** What the manifest that lies there says of this id, without a look at the tensors. */
  listed(id: string): ManifestSample | undefined;
  /** Writes a song's tensors whole or not at all, in place of what was there under its id. */
  put(content: TensorContent, metadata: TensorMetadata, repeats: number): ManifestSample;
  /** {@link put} of bytes that are a song's tensor file already. */
  putBytes(bytes: Uint8Array, facts: SongFacts): ManifestSample;
  /** Lists a song that was found and is still right. */
  keep(sample: ManifestSample): void;
  /** Brings the manifest up to date as far as that is cheap: called after every song. */
  note(head: ManifestHead): void;
  /** Writes the final manifest of the songs put or kept, in this order; what else lies there is not in it. */
  finish(head: ManifestHead | undefined, order: readonly string[]): void;
  /** Lets go of open files; what was put stays. */
  close(): void;
}

export type SongFacts = Pick<
  ManifestSample,
  | "id"
  | "frames"
  | "tokens"
  | "wordings"
  | "caption"
  | "audioPath"
  | "repeats"
  | "sha256"
  | "song"
  | "chunk"
  | "variant"
>;

/** What a manifest says of a song. */
export function songFacts(
  { frames, conditions, width }: TensorContent,
  { id, prompt, source, song, piece, wordings }: TensorMetadata,
  rest: { readonly repeats: number; readonly sha256: string },
): SongFacts {
  return {
    id,
    sha256: rest.sha256,
    frames,
    tokens: conditions.map((condition) => condition.length / width),
    ...(wordings === undefined ? {} : { wordings }),
    caption: prompt.captions[0] ?? "",
    audioPath: source.path,
    repeats: rest.repeats,
    ...pieceFacts({ song, chunk: piece?.chunk, variant: piece?.variant?.name }),
  };
}

/** {@link SongFacts} of a line that also says where the song lies. */
export function factsOf(sample: ManifestSample): SongFacts {
  const { id, sha256, frames, tokens, wordings, caption, audioPath, repeats } = sample;
  const worded = wordings === undefined ? {} : { wordings };
  return { id, sha256, frames, tokens, ...worded, caption, audioPath, repeats, ...pieceFacts(sample) };
}

/** What a line says of a piece of a song; nothing for a whole one. */
function pieceFacts({
  song,
  chunk,
  variant,
}: Pick<ManifestSample, "song" | "chunk" | "variant">): Pick<ManifestSample, "song" | "chunk" | "variant"> {
  return {
    ...(song === undefined ? {} : { song }),
    ...(chunk === undefined ? {} : { chunk }),
    ...(variant === undefined ? {} : { variant }),
  };
}

/** The finished songs in an order, each once. */
export function inOrder<Sample extends ManifestSample>(
  samples: ReadonlyMap<string, Sample>,
  order: readonly string[],
): Sample[] {
  return order.flatMap((id) => samples.get(id) ?? []);
}
