import { z } from "zod";
import { jsonBy } from "../http/json-answer.js";
import type { ServiceClient } from "../http/service-client.js";
import { answerObject, fieldsOfLines, fieldsOfObject } from "../transcripts/answer-fields.js";
import { fitUpload } from "../upload/fit-upload.js";
import { captionPrompt, lineAnswer } from "./caption-prompts.js";
import type { Provider } from "./provider.js";
import { captionOf, captionFields, type CaptionOptions } from "./said-annotation.js";

const Answer = z.looseObject({
  choices: z
    .array(
      z.looseObject({
        message: z.looseObject({ content: z.string().nullish(), refusal: z.string().nullish() }),
        finish_reason: z.string().nullish(),
      }),
    )
    .min(1),
});

/** A request holds the song as base64, a third longer than its bytes. */
const mostEncodedBytes = 20_000_000;

/** Captions by a chat model that hears: `POST {base}/chat/completions` with `input_audio`; OpenAI, or any server that speaks like it. */
export function openAiCaption(client: ServiceClient, options: CaptionOptions): Provider {
  const { model, temperature, topP } = options;
  const mostBytes = Math.floor(Math.min(options.mostBytes, mostEncodedBytes) * 0.75);
  return {
    name: "openai",
    model,
    origin: client.origin,
    gives: captionFields(options.metas),
    sendsAudio: true,
    callsPerSong: 1,
    warnings: [],
    async annotate({ audioFile, identity }, signal) {
      const { bytes, format } = await fitUpload(audioFile, { kinds: ["mp3"], mostBytes }, signal);
      const body = JSON.stringify({
        model,
        modalities: ["text"],
        temperature,
        top_p: topP,
        max_tokens: 4096,
        messages: [
          {
            role: "user",
            content: [
              { type: "text", text: captionPrompt(options.prompt, identity, lineAnswer) },
              {
                type: "input_audio",
                input_audio: { data: Buffer.from(bytes.buffer).toString("base64"), format },
              },
            ],
          },
        ],
      });
      const headers = { "content-type": "application/json" };
      return client.send(
        { method: "POST", path: "chat/completions", headers, body, accept: "json", signal },
        (answer) => {
          const { choices } = jsonBy(client, Answer)(answer);
          const { content, refusal } = choices[0]?.message ?? {};
          if (typeof refusal === "string" && refusal !== "") throw client.refusal(`declined: ${refusal}`);
          const object = answerObject(content ?? "");
          const said = object === undefined ? fieldsOfLines(content ?? "") : fieldsOfObject(object);
          if (said.caption === undefined) throw client.refusal("sent an answer without a caption", true);
          return captionOf(said);
        },
      );
    },
  };
}
