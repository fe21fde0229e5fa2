import type { SongIdentity } from "../runs/song-identity.js";

/** What a caption must hold to be of use as a training prompt. */
const ownPrompt =
  "You hear one song. Describe what it sounds like, for somebody who has to play it again without having heard it: genre and " +
  "era, mood, tempo and groove, the instruments and what each of them does, the voice (register, timbre, delivery) or that there " +
  "is none, harmony, production and space, and how the song moves from section to section. Write plain sentences about this " +
  "recording only, five to nine of them. Name neither artist nor title, quote no lyrics, praise nothing, guess nothing you cannot hear.";

/** Answer format of models that are asked for one text. */
export const lineAnswer =
  "Answer in five lines and nothing else:\nCaption: the description, on one line\nGenre: two to five genre words, with commas\n" +
  'BPM: a whole number, or unknown\nKey: such as "A minor", or unknown\nSignature: beats of a bar, such as 4/4, or unknown';

/** Answer format of models that answer in JSON. */
export const objectAnswer = (withLyrics: boolean): string =>
  'Answer with one JSON object and nothing else, its keys: "caption" (the description), "genre" (two to five genre words, with ' +
  'commas), "bpm", "key" and "signature" (null where you are not sure)' +
  (withLyrics
    ? ', "language" (ISO 639-1 code of the sung words, null where there are none), "lyrics" (every sung word in its own language and ' +
      "script, one sung line a line, with structure tags such as [Intro], [Verse 1], [Pre-Chorus], [Chorus], [Bridge], [Instrumental Break], " +
      '[Outro] on lines of their own; "[Instrumental]" where nobody sings).'
    : ".");

/** Asks for the words alone. */
export const lyricsPrompt =
  "You hear one song. Write down the words that are sung, exactly as they are sung, and mark the song's structure. Invent no word: " +
  "where you cannot make a line out, leave it out.";

export const lyricsAnswer =
  'Answer with one JSON object and nothing else, its keys: "language" (ISO 639-1 code of the sung words, null where there are none) and ' +
  '"lyrics" (one sung line a line, in its own language and script, with structure tags such as [Verse 1] and [Chorus] on lines of their ' +
  'own; "[Instrumental]" where nobody sings).';

/** The user's words or ours, `{artist}`, `{title}` and `{file}` filled in, and what the answer must look like. */
export function captionPrompt(prompt: string | undefined, song: SongIdentity, answer: string): string {
  const values: Readonly<Record<string, string>> = {
    artist: song.artist ?? "unknown artist",
    title: song.title ?? "unknown title",
    file: song.fileName,
  };
  const words = (prompt ?? ownPrompt).replace(
    /\{(artist|title|file)\}/g,
    (_, name: string) => values[name] ?? "",
  );
  return `${words.trim()}\n\n${answer}`;
}
