import { PromptEncoder } from "../encoders/prompt-encoder.js";
import type { PendingSong, PhaseContext } from "./phase.js";
import { checkFinite, eachSong, pieceLabel } from "./phase.js";
import { lyricMaskName, lyricsName, promptPart, readLatents, textMaskName, textName } from "./song-parts.js";

/** Caption, metas and lyrics to states; they go to part files. Returns the songs that made it. */
export async function promptsPhase(
  context: PhaseContext,
  songs: readonly PendingSong[],
): Promise<PendingSong[]> {
  const { settings, parts, folders, device } = context;
  const missing = songs.filter((song) => !parts.has(promptPart(song), song.recipe));
  if (missing.length === 0) return [...songs];
  const encoder = await PromptEncoder.open(folders.textEncoder, { device, threads: settings.threads });
  try {
    const made = await eachSong(context, "prompts", missing, async (song) => {
      const { durationS } = readLatents(context, song);
      const tensors: Record<string, { values: Float32Array; shape: number[] }> = {};
      const { captions, ...metas } = song.prompt;
      const put = (name: string, mask: string, states: Float32Array, counted: ArrayLike<number>) => {
        tensors[name] = { values: states, shape: [counted.length, encoder.width] };
        tensors[mask] = { values: Float32Array.from(counted), shape: [counted.length] };
      };
      for (const [i, caption] of captions.entries()) {
        const states = await encoder.encode({ ...metas, caption, durationS }, settings.conditioning);
        checkFinite(pieceLabel(song), "text states", states.text);
        for (const message of states.warnings) context.emit({ type: "warning", id: song.id, message });
        put(textName(i), textMaskName(i), states.text, states.textMask);
        put(lyricsName(true), lyricMaskName(true), states.lyrics, states.lyricMask);
      }
      if (settings.fieldDropout) {
        const empty = { ...metas, caption: "", lyrics: "", durationS };
        const states = await encoder.encode(empty, settings.conditioning);
        put(textName(null), textMaskName(null), states.text, states.textMask);
        put(lyricsName(false), lyricMaskName(false), states.lyrics, states.lyricMask);
      }
      return () => {
        parts.write(promptPart(song), song.recipe, { tensors, notes: {} });
      };
    });
    return songs.filter((song) => made.has(song.id) || !missing.includes(song));
  } finally {
    await encoder.close();
  }
}
