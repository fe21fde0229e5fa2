import { AceError } from "@acewright/core-native";
import { Secret } from "../http/secret.js";
import { ServiceClient, type ServiceOptions } from "../http/service-client.js";
import type { CaptionSettings, TranscribeSettings } from "../runs/settings.js";
import { elevenLabs } from "./elevenlabs.js";
import { gemini } from "./gemini.js";
import { genius } from "./genius.js";
import { openAiCaption } from "./openai-caption.js";
import { openAiTranscription } from "./openai-transcription.js";
import type { Provider } from "./provider.js";
import { transcriberServer } from "./transcriber-server.js";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where keys come from, and whether a missing one is an error. */
export interface Keys {
  environment: Environment;
  areNeeded: boolean;
}

interface ServiceFacts {
  name: string;
  baseUrl: string | undefined;
  keyVariable: string | undefined;
  keyHeader?: (key: string) => Readonly<Record<string, string>>;
}

const bearer = (key: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${key}` });

const services = {
  openai: {
    name: "OpenAI",
    baseUrl: "https://api.openai.com/v1",
    keyVariable: "OPENAI_API_KEY",
    keyHeader: bearer,
  },
  elevenlabs: {
    name: "ElevenLabs",
    baseUrl: "https://api.elevenlabs.io",
    keyVariable: "ELEVENLABS_API_KEY",
    keyHeader: (key) => ({ "xi-api-key": key }),
  },
  gemini: {
    name: "Gemini",
    baseUrl: "https://generativelanguage.googleapis.com",
    keyVariable: "GEMINI_API_KEY",
    keyHeader: (key) => ({ "x-goog-api-key": key }),
  },
  genius: {
    name: "Genius",
    baseUrl: "https://api.genius.com",
    keyVariable: "GENIUS_API_TOKEN",
    keyHeader: bearer,
  },
  transcriber: { name: "the transcriber server", baseUrl: undefined, keyVariable: undefined },
} as const satisfies Record<string, ServiceFacts>;

/** Variables of the environment that keys are read from; a key is never read from anywhere else. */
export const keyVariables: readonly string[] = [
  "HF_TOKEN",
  ...Object.values(services).flatMap(({ keyVariable }) => keyVariable ?? []),
];

/** The service's own limit of a request, in MB; elsewhere it is what one request may hold in memory. */
const uploadMb = { openai: 25, elevenlabs: 50, gemini: 50, genius: 50, transcriber: 50 } as const;

type Common = Pick<
  CaptionSettings,
  "baseUrl" | "maxUploadMb" | "retries" | "retryWaitS" | "longestWaitS" | "timeoutS"
>;

/** @throws {AceError} ERR_CONFIG when a key or a base URL is missing or is none. */
export function openTranscriber(
  settings: TranscribeSettings,
  prompt: string | undefined,
  keys: Keys,
): Provider {
  const { provider, model, language } = settings;
  const client = openService(provider, settings, keys);
  const mostBytes = (settings.maxUploadMb ?? uploadMb[provider]) * 1e6;
  const options = { language, prompt, mostBytes };
  switch (provider) {
    case "openai":
      return warned(client, openAiTranscription(client, { ...options, model: model ?? "whisper-1" }));
    case "elevenlabs":
      return warned(client, elevenLabs(client, { ...options, model: model ?? "scribe_v2" }));
    case "transcriber":
      return warned(client, transcriberServer(client, { ...options, model: model ?? "server" }));
    case "gemini":
      return warned(
        client,
        gemini(client, {
          ...geminiDefaults,
          ...options,
          asks: ["lyrics"],
          model: model ?? geminiDefaults.model,
        }),
      );
    case "genius": {
      // A base URL of one's own stands for the site too.
      const site = settings.baseUrl === undefined ? "https://genius.com" : client.origin;
      const pages = new ServiceClient({ ...patience(settings), name: "Genius", baseUrl: site });
      return warned(client, genius(client, pages));
    }
  }
}

const geminiDefaults = { model: "gemini-3-pro-preview", metas: false, temperature: 0.45, topP: 0.9 } as const;

/** @throws {AceError} ERR_CONFIG when a key or a base URL is missing or is none. */
export function openCaptioner(settings: CaptionSettings, prompt: string | undefined, keys: Keys): Provider {
  const { provider, metas, temperature, topP, lyrics, policy } = settings;
  const client = openService(provider, settings, keys);
  const mostBytes = (settings.maxUploadMb ?? uploadMb[provider]) * 1e6;
  const options = { prompt, metas, temperature, topP, mostBytes };
  if (provider === "gemini") {
    const asks = policy === "lyrics-only" ? (["lyrics"] as const) : (["caption", "lyrics"] as const);
    const model = settings.model ?? geminiDefaults.model;
    return warned(client, gemini(client, { ...options, model, asks: lyrics ? asks : ["caption"] }));
  }
  const model = settings.model ?? nonEmpty(keys.environment["OPENAI_MODEL"]) ?? "gpt-4o-audio-preview";
  return warned(client, openAiCaption(client, { ...options, model }));
}

function openService(
  provider: keyof typeof services,
  settings: Common,
  { environment, areNeeded }: Keys,
): ServiceClient {
  const facts: ServiceFacts = services[provider];
  const own =
    settings.baseUrl ?? (provider === "openai" ? nonEmpty(environment["OPENAI_BASE_URL"]) : undefined);
  const baseUrl = own ?? facts.baseUrl;
  if (baseUrl === undefined) {
    throw new AceError(
      "ERR_CONFIG",
      `provider ${provider} needs the address of a server: --base-url http://HOST:PORT`,
    );
  }
  const secret =
    facts.keyVariable === undefined ? undefined : Secret.fromEnvironment(environment, facts.keyVariable);
  // A server of one's own may do without a key.
  if (secret === undefined && facts.keyVariable !== undefined && own === undefined && areNeeded) {
    throw new AceError(
      "ERR_CONFIG",
      `${facts.keyVariable} is not set; ${facts.name} needs a key, which is read from the environment only`,
    );
  }
  const { keyHeader } = facts;
  const options: ServiceOptions = { ...patience(settings), name: facts.name, baseUrl, secret };
  return new ServiceClient(keyHeader === undefined ? options : { ...options, keyHeader });
}

function patience({
  retries,
  retryWaitS,
  longestWaitS,
  timeoutS,
}: Common): Pick<ServiceOptions, "retries" | "retryWaitS" | "longestWaitS" | "timeoutS"> {
  return { retries, retryWaitS, longestWaitS, timeoutS };
}

function warned(client: ServiceClient, provider: Provider): Provider {
  if (!client.showsKey) return provider;
  return {
    ...provider,
    warnings: [...provider.warnings, `the key goes to ${client.origin} unencrypted; use https`],
  };
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === "" ? undefined : text.trim();
}
