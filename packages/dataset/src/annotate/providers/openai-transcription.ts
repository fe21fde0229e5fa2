import { z } from "zod";
import { jsonBy } from "../http/json-answer.js";
import type { ServiceClient } from "../http/service-client.js";
import { languageCode } from "../transcripts/language-code.js";
import { lyricsOf } from "../transcripts/lyrics-text.js";
import type { HeardWord } from "../transcripts/word.js";
import { meanConfidence, wordsToLines } from "../transcripts/words-to-lines.js";
import { fitUpload, type UploadLimits } from "../upload/fit-upload.js";
import type { Annotation, Provider } from "./provider.js";

export interface TranscriptionOptions {
  model: string;
  /** Language of the songs, where it is known. */
  language: string | undefined;
  /** Words that steer the model: names, style. */
  prompt: string | undefined;
  mostBytes: number;
}

const Word = z.looseObject({
  word: z.string(),
  start: z.number(),
  end: z.number(),
  probability: z.number().optional(),
});
const Segment = z.looseObject({
  text: z.string(),
  start: z.number(),
  end: z.number(),
  avg_logprob: z.number().optional(),
  no_speech_prob: z.number().optional(),
  words: z.array(Word).nullish(),
});
const Answer = z.looseObject({
  text: z.string(),
  language: z.string().nullish(),
  words: z.array(Word).nullish(),
  segments: z.array(Segment).nullish(),
  logprobs: z.array(z.looseObject({ logprob: z.number() })).nullish(),
});
type Answer = z.infer<typeof Answer>;
type Segment = z.infer<typeof Segment>;

/** Formats the endpoint takes. */
const kinds: UploadLimits["kinds"] = ["wav", "flac", "mp3", "vorbis", "opus", "m4a"];

/** `POST {base}/audio/transcriptions`: OpenAI, or any server that speaks like it. */
export function openAiTranscription(client: ServiceClient, options: TranscriptionOptions): Provider {
  const { model, language, prompt, mostBytes } = options;
  // The gpt-4o models know neither stamps nor verbose_json; they do tell how sure they are.
  const isPlain = /^gpt-/i.test(model);
  return {
    name: "openai",
    model,
    origin: client.origin,
    gives: ["lyrics", "language"],
    sendsAudio: true,
    callsPerSong: 1,
    warnings: isPlain ? [`${model} gives no times; whisper-1 does`] : [],
    async annotate({ audioFile }, signal) {
      const upload = await fitUpload(audioFile, { kinds, mostBytes }, signal);
      const form = new FormData();
      form.append("file", new Blob([upload.bytes], { type: upload.mimeType }), upload.fileName);
      form.append("model", model);
      form.append("response_format", isPlain ? "json" : "verbose_json");
      if (isPlain) form.append("include[]", "logprobs");
      else {
        form.append("timestamp_granularities[]", "word");
        form.append("timestamp_granularities[]", "segment");
      }
      if (language !== undefined) form.append("language", language);
      if (prompt !== undefined) form.append("prompt", prompt);
      const request = {
        method: "POST",
        path: "audio/transcriptions",
        body: form,
        accept: "json",
        signal,
      } as const;
      return annotationOf(await client.send(request, jsonBy(client, Answer)), language);
    },
  };
}

function annotationOf(answer: Answer, asked: string | undefined): Annotation {
  const segments = (answer.segments ?? []).filter((segment) => !isSilence(segment));
  const isSilent = (answer.segments?.length ?? 0) > 0 && segments.length === 0;
  const language = languageCode(asked ?? answer.language ?? undefined);
  const known = language === undefined ? {} : { language };
  if (isSilent || answer.text.trim() === "") return { lyrics: "" };
  const words = heardWords(answer, segments);
  if (words.length === 0) return { ...known, ...plainText(answer, segments) };
  const lyricLines = wordsToLines(words);
  const confidence = meanConfidence(words);
  return {
    ...known,
    lyrics: lyricLines.map(({ text }) => text).join("\n"),
    lyricLines,
    ...(confidence === undefined ? {} : { confidence }),
  };
}

/** Whisper's own mark of a stretch without a voice, in which it makes words up. */
function isSilence({ no_speech_prob, avg_logprob }: Segment): boolean {
  return (no_speech_prob ?? 0) > 0.6 && (avg_logprob ?? 0) < -1;
}

/** Words with the confidence of their own, or of the segment they stand in; without those of silent segments. */
function heardWords(answer: Answer, segments: readonly Segment[]): HeardWord[] {
  const within = segments.flatMap((segment) => segment.words ?? []);
  const words = (answer.words?.length ?? 0) > 0 ? (answer.words ?? []) : within;
  return words.flatMap(({ word, start, end, probability }): HeardWord[] => {
    const middle = (start + end) / 2;
    const own = segments.find((segment) => middle >= segment.start && middle <= segment.end);
    const silent = (answer.segments ?? []).some(
      (segment) => isSilence(segment) && middle >= segment.start && middle <= segment.end,
    );
    if (own === undefined && silent) return [];
    return [{ text: word, start_s: start, end_s: end, confidence: probability ?? ofLog(own?.avg_logprob) }];
  });
}

/** Without stamps for words: the segments' lines, or the text alone. */
function plainText(answer: Answer, segments: readonly Segment[]): Annotation {
  const lines = segments.flatMap((segment) => {
    const text = segment.text.trim();
    const confidence = ofLog(segment.avg_logprob);
    if (text === "") return [];
    return [
      {
        start_s: segment.start,
        end_s: segment.end,
        text,
        ...(confidence === undefined ? {} : { confidence }),
      },
    ];
  });
  const { text } = lyricsOf(lines.length > 0 ? lines.map((line) => line.text).join("\n") : answer.text);
  const tokens = (answer.logprobs ?? []).map(({ logprob }) => ({ confidence: ofLog(logprob) }));
  const confidence = meanConfidence(lines.length > 0 ? lines : tokens);
  return {
    lyrics: text,
    ...(lines.length === 0 ? {} : { lyricLines: lines }),
    ...(confidence === undefined ? {} : { confidence }),
  };
}

function ofLog(logProbability: number | undefined): number | undefined {
  return logProbability === undefined ? undefined : Math.min(1, Math.exp(logProbability));
}
