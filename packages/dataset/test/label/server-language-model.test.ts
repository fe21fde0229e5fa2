import { expect, test } from "vitest";
import type { AnswerRequest } from "../../src/label/model/language-model.js";
import { ServerLanguageModel } from "../../src/label/model/server-language-model.js";
import type { Handler, Loopback } from "../annotate/loopback.js";
import { loopback } from "../annotate/loopback.js";

const request: AnswerRequest = {
  sampling: { temperature: 0.7, topK: 0, topP: 1, repetitionPenalty: 1 },
  key: "0 song",
  maxNewTokens: 100,
  isConstrained: true,
};
const said = { choices: [{ text: "<think>\nbpm: 120\n</think>", finish_reason: "stop" }], usage: { completion_tokens: 9 } }; // prettier-ignore

async function withServer<Result>(
  handler: Handler,
  work: (model: ServerLanguageModel, server: Loopback) => Promise<Result>,
  environment: Record<string, string> = {},
  path = "",
): Promise<Result> {
  await using server = await loopback(handler);
  const patience = { retries: 2, retryWaitS: 0, timeoutS: 5 };
  return await work(new ServerLanguageModel({ url: server.url + path, ...patience, environment }), server);
}

test("the prompt goes as text with its codes, the key from the environment only", async () => {
  const ask = (model: ServerLanguageModel): ReturnType<ServerLanguageModel["describe"]> =>
    model.describe([7, 63_999], true, request);
  await withServer(
    () => ({ body: said }),
    async (model, { arrived }) => {
      expect(await ask(model)).toEqual({ text: said.choices[0]?.text, tokens: 9, isWhole: true });
      const [one] = arrived;
      expect(one).toMatchObject({ method: "POST", url: "/v1/completions" });
      expect(one?.headers.authorization).toBeUndefined();
      const body = one?.json() ?? {};
      expect(body).toMatchObject({ max_tokens: 100, temperature: 0.7, top_p: 1, stream: false });
      expect(Object.keys(body)).not.toContain("top_k");
      expect(body["prompt"]).toBe(
        "<|im_start|>system\n# Instruction\nUnderstand the given musical conditions and describe the audio semantics accordingly:\n\n<|im_end|>\n" +
          "<|im_start|>user\n<|audio_code_7|><|audio_code_63999|><|im_end|>\n<|im_start|>assistant\n",
      );
    },
  );
  await withServer(
    () => ({ body: said }),
    async (model, { arrived }) => {
      await ask(model);
      expect(arrived[0]?.url).toBe("/api/v1/completions");
      expect(arrived[0]?.headers.authorization).toBe("Bearer sk-123456");
    },
    { OPENAI_API_KEY: "sk-123456" },
    "/api/v1/",
  );
});

test("an answer that was cut at its limit is not whole", async () => {
  const cut = { choices: [{ text: "<think>", finish_reason: "length" }] };
  const answer = await withServer(
    () => ({ body: cut }),
    (model) => model.formatLyrics("", "la", request),
  );
  expect(answer).toEqual({ text: "<think>", tokens: 0, isWhole: false });
});

test.each<[string, Handler]>([
  ["429", (_, number) => (number === 1 ? { status: 429, headers: { "retry-after": "0" } } : { body: said })],
  ["500", (_, number) => (number < 3 ? { status: 500 } : { body: said })],
  ["a cut connection", (_, number) => (number === 1 ? { body: said, cut: "within" } : { body: said })],
  ["no JSON", (_, number) => (number === 1 ? { body: "<html>" } : { body: said })],
  ["no choices", (_, number) => (number === 1 ? { body: { choices: [] } } : { body: said })],
])("after %s it asks again", async (_, handler) => {
  const answer = await withServer(handler, (model) => model.describe([1], false, request));
  expect(answer.tokens).toBe(9);
});

test.each<[string, Handler, RegExp]>([
  ["a server that is down for good", () => ({ status: 503 }), /503.*\(3 tries\)/],
  [
    "a wrong key",
    () => ({ status: 401, body: { error: { message: "bad key sk-123456" } } }),
    /401: bad key \[key\]/,
  ],
  ["a wrong address", () => ({ status: 404 }), /check the base URL and the model/],
  ["a body without an end", () => ({ body: Buffer.alloc(80 * 2 ** 20, 32) }), /sent more than \d+ bytes/],
])("%s is told, without the key", async (_, handler, message) => {
  const environment = { OPENAI_API_KEY: "sk-123456" };
  const asked = withServer(handler, (model) => model.describe([1], false, request), environment);
  await expect(asked).rejects.toThrow(message);
});

test("what is no URL is refused", () => {
  const open = (url: string): ServerLanguageModel =>
    new ServerLanguageModel({ url, retries: 0, retryWaitS: 0, timeoutS: 1, environment: {} });
  expect(() => open("localhost:8000")).toThrow(/http:\/\/ or https:\/\//);
  expect(() => open("http://me:secret@localhost")).toThrow(/holds a password/);
  const plain = { url: "http://music.example", retries: 0, retryWaitS: 0, timeoutS: 1 };
  const shown = new ServerLanguageModel({ ...plain, environment: { OPENAI_API_KEY: "sk-123456" } });
  expect(shown.warnings).toEqual(["OPENAI_API_KEY goes to http://music.example unencrypted; use https://"]);
});
