import * as z from "zod";

/** One wording of a song's prompt that is encoded: which of its captions it has, and whether it has its lyrics. */
export const Wording = z.object({
  /** Index among the prompt's captions; null: an empty caption, without trigger word. */
  caption: z.int().nonnegative().nullable(),
  lyrics: z.boolean(),
});
export type Wording = z.infer<typeof Wording>;

/**
 * The wordings of a song: each caption with the lyrics; for training with dropped fields also what the model reads when
 * caption, lyrics or both are left empty. Where nobody sings there are no lyrics to leave out.
 */
export function wordingsOf(
  { captions, lyrics }: { readonly captions: readonly string[]; readonly lyrics: string },
  fieldDropout: boolean,
): Wording[] {
  const whole = [...captions.keys()].map((caption) => ({ caption, lyrics: true }));
  if (!fieldDropout) return whole;
  const isSung = lyrics.trim() !== "" && lyrics !== "[Instrumental]";
  const withLyrics = [...whole, { caption: null, lyrics: true }];
  return isSung
    ? [...withLyrics, ...withLyrics.map(({ caption }) => ({ caption, lyrics: false }))]
    : withLyrics;
}
