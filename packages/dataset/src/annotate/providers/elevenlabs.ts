import { z } from "zod";
import { jsonBy } from "../http/json-answer.js";
import type { ServiceClient } from "../http/service-client.js";
import { languageCode } from "../transcripts/language-code.js";
import { lyricsOf } from "../transcripts/lyrics-text.js";
import { meanConfidence, wordsToLines } from "../transcripts/words-to-lines.js";
import { commonKinds, fitUpload } from "../upload/fit-upload.js";
import type { TranscriptionOptions } from "./openai-transcription.js";
import type { Annotation, Provider } from "./provider.js";

const Answer = z.looseObject({
  text: z.string().default(""),
  language_code: z.string().nullish(),
  words: z.array(
    z.looseObject({
      /** "word", "spacing" or "audio_event". */
      type: z.string(),
      text: z.string(),
      start: z.number().nullish(),
      end: z.number().nullish(),
      logprob: z.number().nullish(),
    }),
  ),
});

/** ElevenLabs Scribe: `POST /v1/speech-to-text`. */
export function elevenLabs(client: ServiceClient, options: TranscriptionOptions): Provider {
  const { model, language, mostBytes } = options;
  return {
    name: "elevenlabs",
    model,
    origin: client.origin,
    gives: ["lyrics", "language"],
    sendsAudio: true,
    callsPerSong: 1,
    warnings: options.prompt === undefined ? [] : ["ElevenLabs takes no prompt; it is not sent"],
    async annotate({ audioFile }, signal) {
      const upload = await fitUpload(audioFile, { kinds: commonKinds, mostBytes }, signal);
      const form = new FormData();
      form.append("file", new Blob([upload.bytes], { type: upload.mimeType }), upload.fileName);
      form.append("model_id", model);
      if (language !== undefined) form.append("language_code", language);
      const request = {
        method: "POST",
        path: "v1/speech-to-text",
        body: form,
        accept: "json",
        signal,
      } as const;
      return annotationOf(await client.send(request, jsonBy(client, Answer)), language);
    },
  };
}

function annotationOf(answer: z.infer<typeof Answer>, asked: string | undefined): Annotation {
  const words = answer.words
    .filter(({ type, text }) => type === "word" && text.trim() !== "")
    .map(({ text, start, end, logprob }) => ({
      text,
      start_s: start ?? 0,
      end_s: end ?? start ?? 0,
      timed: typeof start === "number",
      confidence: typeof logprob === "number" ? Math.min(1, Math.exp(logprob)) : undefined,
    }));
  if (words.length === 0) return { lyrics: "" };
  const language = languageCode(asked ?? answer.language_code ?? undefined);
  const lines = wordsToLines(words);
  const confidence = meanConfidence(words);
  return {
    ...(language === undefined ? {} : { language }),
    lyrics: lyricsOf(lines.map(({ text }) => text).join("\n")).text,
    ...(words.every(({ timed }) => timed) ? { lyricLines: lines } : {}),
    ...(confidence === undefined ? {} : { confidence }),
  };
}
