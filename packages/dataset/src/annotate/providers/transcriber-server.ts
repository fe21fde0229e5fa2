import { z } from "zod";
import { jsonBy } from "../http/json-answer.js";
import { parsed } from "../http/error-words.js";
import type { ServiceAnswer, ServiceClient } from "../http/service-client.js";
import { languageCode } from "../transcripts/language-code.js";
import { lyricsOf } from "../transcripts/lyrics-text.js";
import { meanConfidence, wordsToLines } from "../transcripts/words-to-lines.js";
import { commonKinds, fitUpload } from "../upload/fit-upload.js";
import type { TranscriptionOptions } from "./openai-transcription.js";
import type { Annotation, Provider } from "./provider.js";

const Word = z.looseObject({
  word: z.string().optional(),
  text: z.string().optional(),
  start: z.number(),
  end: z.number(),
  probability: z.number().optional(),
  confidence: z.number().optional(),
});
const Answer = z
  .looseObject({
    lyrics: z.string().optional(),
    text: z.string().optional(),
    transcription: z.string().optional(),
    language: z.string().nullish(),
    words: z.array(Word).nullish(),
  })
  .refine(
    ({ lyrics, text, transcription }) => (lyrics ?? text ?? transcription) !== undefined,
    "lyrics, text or transcription was expected",
  );

/** A server of one's own: `POST {url}/transcribe`, multipart, such as acestep-transcriber behind a few lines of a web server. */
export function transcriberServer(client: ServiceClient, options: TranscriptionOptions): Provider {
  const { model, language, mostBytes } = options;
  return {
    name: "transcriber",
    model,
    origin: client.origin,
    gives: ["lyrics", "language"],
    sendsAudio: true,
    callsPerSong: 1,
    warnings: [],
    async annotate({ audioFile }, signal) {
      const upload = await fitUpload(audioFile, { kinds: commonKinds, mostBytes }, signal);
      const form = new FormData();
      form.append("file", new Blob([upload.bytes], { type: upload.mimeType }), upload.fileName);
      if (language !== undefined) form.append("language", language);
      if (options.prompt !== undefined) form.append("prompt", options.prompt);
      const request = {
        method: "POST",
        path: "transcribe",
        body: form,
        accept: "json or text",
        signal,
      } as const;
      return client.send(request, (answer) => annotationOf(answer, client, language));
    },
  };
}

function annotationOf(answer: ServiceAnswer, client: ServiceClient, asked: string | undefined): Annotation {
  const isText =
    parsed(answer.text) === undefined && /^text\/plain/i.test(answer.headers.get("content-type") ?? "");
  const said: z.infer<typeof Answer> = isText ? { text: answer.text } : jsonBy(client, Answer)(answer);
  const { language, words, lyrics, text, transcription } = said;
  const heard = (words ?? []).map((word) => ({
    text: word.word ?? word.text ?? "",
    start_s: word.start,
    end_s: word.end,
    confidence: word.confidence ?? word.probability,
  }));
  const parts = transcriptParts(lyrics ?? text ?? transcription ?? "");
  const code = languageCode(asked ?? language ?? parts.language);
  const cleaned = lyricsOf(parts.lyrics);
  const lines = cleaned.lines.length > 0 ? cleaned.lines : wordsToLines(heard);
  const confidence = meanConfidence(heard);
  return {
    ...(code === undefined ? {} : { language: code }),
    lyrics: cleaned.text,
    ...(lines.length === 0 || cleaned.text === "" ? {} : { lyricLines: lines }),
    ...(confidence === undefined ? {} : { confidence }),
  };
}

/** acestep-transcriber answers under the headings "# Languages" and "# Lyrics". */
function transcriptParts(text: string): { language: string | undefined; lyrics: string } {
  const [, languages, lyrics] =
    /^\s*# Languages?\s*\n([\s\S]*?)\n\s*# Lyrics?\s*(?:\n|$)([\s\S]*)$/.exec(text) ?? [];
  if (lyrics === undefined) return { language: undefined, lyrics: text };
  return { language: languages?.trim().split(/[\s,]+/)[0], lyrics };
}
