import { randomBelow, randomStream, shuffle, type Purpose } from "./counter-random.js";

/** What planning needs to know of a song. */
export interface SongShape {
  /** Latent frames. */
  readonly frames: number;
  /** Condition tokens of each wording of its prompt; at least one entry. */
  readonly conditionTokens: readonly number[];
  /** What each wording is made of; absent where each is a caption with the lyrics. */
  readonly wordings?: readonly Wording[];
  /** How often it stands in one pass over the songs, as its dataset weighs it; 1 where absent. */
  readonly repeats?: number;
}

/** One wording of a song's prompt: the index of its caption, null where it is left empty, and whether it has the lyrics. */
export interface Wording {
  readonly caption: number | null;
  readonly lyrics: boolean;
}

/** One place in a micro-batch: which song, which part of it, which wording of its prompt. */
export interface Place {
  /** Index into the list of songs. */
  readonly song: number;
  /** First latent frame. */
  readonly start: number;
  readonly frames: number;
  readonly variant: number;
}

export interface EpochSettings {
  readonly seed: number;
  /** Passes over the songs that make one epoch; each song's own repeats count within a pass. */
  readonly repeats: number;
  readonly batchSize: number;
  /** Latent frames of a crop; undefined: whole songs. */
  readonly cropFrames: number | undefined;
  /** `even`: a song's crops spread over it as they come; `random`: each is drawn by itself. */
  readonly cropPlacement: "even" | "random";
  /** False where songs of unlike shape share a batch at no cost: who meets whom is then chance alone. Default true. */
  readonly likeTogether?: boolean;
  /** Songs whose shapes round up to the same multiples are put into one batch. */
  readonly bucketFrames: number;
  readonly bucketConditionTokens: number;
  /** Places of the regularization set for each of the dataset's. */
  readonly regularizationRatio: number;
  /** Probabilities that a prompt's caption, and that its lyrics, are left empty. */
  readonly captionDropout: number;
  readonly lyricsDropout: number;
}

/** How many songs are met in one epoch, each counted as often as it stands in it. */
export function placesPerEpoch(songs: readonly Pick<SongShape, "repeats">[], repeats: number): number {
  return repeats * songs.reduce((sum, song) => sum + (song.repeats ?? 1), 0);
}

/** How many songs of the regularization set are met in one epoch. */
export function mixedPerEpoch(places: number, songs: number, ratio: number): number {
  return songs === 0 ? 0 : Math.max(1, Math.round(places * ratio));
}

/** Micro-batches in an epoch, the same in each one. */
export function batchesPerEpoch(
  songs: readonly Pick<SongShape, "repeats">[],
  settings: Pick<EpochSettings, "repeats" | "batchSize" | "regularizationRatio">,
  regularizationSongs = 0,
): number {
  const places = placesPerEpoch(songs, settings.repeats);
  const mixed = mixedPerEpoch(places, regularizationSongs, settings.regularizationRatio);
  return Math.ceil((places + mixed) / settings.batchSize);
}

/**
 * The micro-batches of one epoch: each song stands in it `repeats` times its own repeats, in an order that is a function of
 * (seed, epoch) alone. With more than one song a batch, songs of similar shape go together where that is asked for, and the
 * batches' own order is shuffled. Songs of the regularization set, in places numbered on from the dataset's, are met in
 * turn over the epochs, each as often as any other.
 */
export function epochBatches(
  own: readonly SongShape[],
  settings: EpochSettings,
  epoch: number,
  regularization: readonly SongShape[] = [],
): Place[][] {
  const songs = [...own, ...regularization];
  const { seed, repeats, batchSize } = settings;
  const pass = own.flatMap((song, index) =>
    Array.from({ length: song.repeats ?? 1 }, (_, copy) => ({ song: index, copy })),
  );
  const order = Array.from({ length: pass.length * repeats }, (_, i) => i);
  shuffle(order, randomStream(seed, "order", epoch));
  const places = order.map((entry) => {
    const { song, copy } = pass[entry % pass.length] as (typeof pass)[number];
    const turn = Math.floor(entry / pass.length) + repeats * epoch;
    return placeOf(songs, settings, epoch, {
      entry,
      song,
      visit: turn * (songs[song]?.repeats ?? 1) + copy,
    });
  });
  if (regularization.length > 0) {
    const mixed = mixedPerEpoch(places.length, regularization.length, settings.regularizationRatio);
    for (let n = 0; n < mixed; n++) {
      const visit = Math.floor((epoch * mixed + n) / regularization.length);
      const song = own.length + inTurn(regularization.length, seed, epoch * mixed + n);
      places.push(placeOf(songs, settings, epoch, { entry: order.length + n, song, visit }));
    }
    shuffle(places, randomStream(seed, "mixedOrder", epoch));
  }
  if (batchSize === 1) return places.map((place) => [place]);
  if (settings.likeTogether === false) return inBatches(places, batchSize);
  // The sort is stable, so within a bucket the shuffled order decides who meets whom.
  const bucketed = places
    .map((place) => ({ place, bucket: bucketOf(songs, settings, place) }))
    .sort((a, b) => a.bucket[0] - b.bucket[0] || a.bucket[1] - b.bucket[1]);
  const sorted = bucketed.map(({ place }) => place);
  return shuffle(inBatches(sorted, batchSize), randomStream(seed, "batchOrder", epoch));
}

function inBatches(places: readonly Place[], batchSize: number): Place[][] {
  return Array.from({ length: Math.ceil(places.length / batchSize) }, (_, batch) =>
    places.slice(batch * batchSize, (batch + 1) * batchSize),
  );
}

/** The song that is met as number `turn` of all time: every pass over the songs has an order of its own. */
function inTurn(songs: number, seed: number, turn: number): number {
  const order = Array.from({ length: songs }, (_, i) => i);
  shuffle(order, randomStream(seed, "regularization", Math.floor(turn / songs)));
  return order[turn % songs] as number;
}

/** Each entry draws its own crop and wording, so that a song's repeats differ. */
function placeOf(
  songs: readonly SongShape[],
  settings: EpochSettings,
  epoch: number,
  { entry, song, visit }: { readonly entry: number; readonly song: number; readonly visit: number },
): Place {
  const shape = songs[song] as SongShape;
  const next =
    settings.cropPlacement === "even"
      ? () => evenly(settings.seed, song, visit)
      : randomStream(settings.seed, "crop", epoch, entry);
  const { start, frames } = crop(shape.frames, settings.cropFrames, next);
  return { song, start, frames, variant: wordingOf(shape, settings, epoch, entry) };
}

/** One of the captions, then which fields are left empty: three draws that know nothing of each other. */
function wordingOf(
  { conditionTokens, wordings }: SongShape,
  { seed, captionDropout, lyricsDropout }: EpochSettings,
  epoch: number,
  entry: number,
): number {
  const next = randomStream(seed, "variant", epoch, entry);
  if (wordings === undefined) return randomBelow(next, conditionTokens.length);
  const captions = wordings.filter(({ caption, lyrics }) => caption !== null && lyrics).length;
  const drawn = randomBelow(next, captions);
  const isDropped = (purpose: Purpose, probability: number) =>
    probability > 0 && randomStream(seed, purpose, epoch, entry)() < probability;
  const caption = isDropped("captionDropout", captionDropout) ? null : drawn;
  const lyrics = !isDropped("lyricsDropout", lyricsDropout);
  const find = (sung: boolean) =>
    wordings.findIndex((wording) => wording.caption === caption && wording.lyrics === sung);
  // Of a song that nobody sings there is no wording without lyrics.
  const exact = find(lyrics);
  return exact === -1 ? find(true) : exact;
}

/**
 * Where in [0, 1) a song's visit number `visit` falls: a start drawn by the seed, moved on by the golden ratio each time.
 * However many visits there were, no part of the song is visited much more often than another (Kronecker sequence), which
 * needs no count of visits to be kept, and so none to be lost.
 */
function evenly(seed: number, song: number, visit: number): number {
  return (randomStream(seed, "cropOffset", song)() + visit * 0.618_033_988_749_894_8) % 1;
}

/** A crop placed by a number in [0, 1) that never leaves the song; a song that is not longer is taken whole. */
export function crop(
  songFrames: number,
  cropFrames: number | undefined,
  next: () => number,
): { start: number; frames: number } {
  if (cropFrames === undefined || cropFrames >= songFrames) return { start: 0, frames: songFrames };
  return { start: randomBelow(next, songFrames - cropFrames + 1), frames: cropFrames };
}

function bucketOf(songs: readonly SongShape[], settings: EpochSettings, place: Place): [number, number] {
  const tokens = songs[place.song]?.conditionTokens[place.variant] ?? 0;
  return [
    Math.ceil(place.frames / settings.bucketFrames),
    Math.ceil(tokens / settings.bucketConditionTokens),
  ];
}
