import { z } from "zod";
import { jsonBy } from "../http/json-answer.js";
import type { ServiceAnswer, ServiceClient } from "../http/service-client.js";
import { answerObject, fieldsOfObject } from "../transcripts/answer-fields.js";
import { commonKinds, fitUpload, inspectSong } from "../upload/fit-upload.js";
import { captionPrompt, lyricsAnswer, lyricsPrompt, objectAnswer } from "./caption-prompts.js";
import { deleteFile, uploadFile } from "./gemini-files.js";
import type { Annotation, Provider } from "./provider.js";
import { captionFields, captionOf, type CaptionOptions } from "./said-annotation.js";

export interface GeminiOptions extends CaptionOptions {
  /** Which of the two is asked for; both come in one call. */
  asks: readonly ("caption" | "lyrics")[];
}

const Answer = z.looseObject({
  candidates: z
    .array(
      z.looseObject({
        content: z
          .looseObject({
            parts: z
              .array(z.looseObject({ text: z.string().optional(), thought: z.boolean().optional() }))
              .optional(),
          })
          .optional(),
        finishReason: z.string().optional(),
      }),
    )
    .optional(),
  promptFeedback: z.looseObject({ blockReason: z.string().optional() }).optional(),
});

/** A request may have 20 MB, the base64 of the song and the prompt together; larger songs go through the Files API. */
const mostEncodedBytes = 20_000_000 - 64_000;

/** Google Gemini: caption and lyrics with structure tags in one call of `models/{model}:generateContent`. */
export function gemini(client: ServiceClient, options: GeminiOptions): Provider {
  const { asks, model, metas } = options;
  return {
    name: "gemini",
    model,
    origin: client.origin,
    gives: [
      ...(asks.includes("caption") ? captionFields(metas) : []),
      ...(asks.includes("lyrics") ? (["lyrics", "language"] as const) : []),
    ],
    sendsAudio: true,
    callsPerSong: 1,
    warnings: [],
    async annotate({ audioFile, identity, wants }, signal) {
      const wantsCaption = wants.some((field) => field !== "lyrics" && field !== "language");
      const prompt = wantsCaption
        ? captionPrompt(options.prompt, identity, objectAnswer(wants.includes("lyrics")))
        : captionPrompt(options.prompt ?? lyricsPrompt, identity, lyricsAnswer);
      const { bytes, mimeType } = await inspectSong(audioFile);
      if (mimeType === undefined || Math.ceil(bytes / 3) * 4 <= mostEncodedBytes) {
        const mostBytes = mimeType === undefined ? mostEncodedBytes * 0.75 : bytes;
        const upload = await fitUpload(audioFile, { kinds: commonKinds, mostBytes }, signal);
        const data = Buffer.from(upload.bytes.buffer).toString("base64");
        return ask({ inlineData: { mimeType: upload.mimeType, data } }, prompt, signal);
      }
      const file = await uploadFile(client, audioFile, bytes, mimeType, signal);
      let notes: string[] = [];
      let annotation: Annotation;
      try {
        annotation = await ask({ fileData: { mimeType, fileUri: file.uri } }, prompt, signal);
      } finally {
        notes = await deleteFile(client, file.name);
      }
      return { ...annotation, ...(notes.length === 0 ? {} : { notes }) };
    },
  };

  function ask(audio: object, prompt: string, signal: AbortSignal): Promise<Annotation> {
    const body = JSON.stringify({
      contents: [{ role: "user", parts: [audio, { text: prompt }] }],
      generationConfig: {
        responseMimeType: "application/json",
        // Levels of thinking came with Gemini 3, which is meant to be left at its own temperature.
        ...(/^gemini-[12]/.test(model)
          ? { temperature: options.temperature, topP: options.topP }
          : { thinkingConfig: { thinkingLevel: "HIGH" } }),
      },
    });
    return client.send(
      {
        method: "POST",
        path: `v1beta/models/${encodeURIComponent(model)}:generateContent`,
        headers: { "content-type": "application/json" },
        body,
        accept: "json",
        signal,
      },
      (answer) => annotationOf(answer, client, asks),
    );
  }
}

function annotationOf(answer: ServiceAnswer, client: ServiceClient, asks: GeminiOptions["asks"]): Annotation {
  const { candidates, promptFeedback } = jsonBy(client, Answer)(answer);
  const [candidate] = candidates ?? [];
  const text = (candidate?.content?.parts ?? [])
    .filter(({ thought }) => thought !== true)
    .map((part) => part.text ?? "")
    .join("");
  const reason = promptFeedback?.blockReason ?? candidate?.finishReason ?? "no reason given";
  if (text.trim() === "") throw client.refusal(`gave no answer for this song (${reason})`);
  const object = answerObject(text);
  if (object === undefined) throw client.refusal(`sent an answer that is no JSON object (${reason})`, true);
  const said = fieldsOfObject(object);
  const hasLyrics = typeof object["lyrics"] === "string";
  if (asks.includes("caption") && said.caption === undefined)
    throw client.refusal("sent an answer without a caption", true);
  if (!asks.includes("caption") && !hasLyrics) throw client.refusal("sent an answer without lyrics", true);
  return captionOf(hasLyrics && said.lyrics === undefined ? { ...said, lyrics: "" } : said);
}
