import { AceError } from "@acewright/core-native";
import { keyVariables } from "@acewright/dataset";
import { addressVariable } from "../notify/ways.js";

const variables = [...keyVariables, addressVariable];

/** How keys of well-known services begin. */
const beginnings: readonly (readonly [RegExp, string])[] = [
  [/^hf_\w{8,}/, "HF_TOKEN"],
  [/^sk-[\w-]{8,}/, "OPENAI_API_KEY"],
  [/^sk_\w{8,}/, "ELEVENLABS_API_KEY"],
  [/^AIza[\w-]{8,}/, "GEMINI_API_KEY"],
  [/^https:\/\/(hooks\.slack\.com|discord(app)?\.com\/api\/webhooks)\//, addressVariable],
];

/** Words that each service's key is asked for by. */
const services: readonly (readonly [RegExp, string])[] = [
  [/^hf|hugging/, "HF_TOKEN"],
  [/openai/, "OPENAI_API_KEY"],
  [/eleven/, "ELEVENLABS_API_KEY"],
  [/gemini|google/, "GEMINI_API_KEY"],
  [/genius/, "GENIUS_API_TOKEN"],
  [/webhook|notify/, addressVariable],
];

const secretName = /token|key|secret|passw|credential|webhook|notify_?url/i;

/**
 * Refuses to store what is or looks like a key; the value itself is never repeated.
 *
 * @throws {AceError} ERR_CONFIG naming the variable of the environment to use.
 */
export function refuseSecret(name: string, text: string): void {
  const byValue = beginnings.find(([beginning]) => beginning.test(text.trim()))?.[1];
  const hasPassword = URL.canParse(text) && new URL(text).password !== "";
  if (byValue === undefined && !hasPassword && !secretName.test(name)) return;
  const asked = name.toUpperCase().replaceAll("-", "_");
  const variable =
    byValue ??
    variables.find((known) => known === asked) ??
    services.find(([service]) => service.test(name.toLowerCase()))?.[1];
  const use =
    variable === undefined ? `its variable (one of ${variables.join(", ")})` : `the variable ${variable}`;
  throw new AceError(
    "ERR_CONFIG",
    `${name}: looks like a key, and keys are never stored; set ${use} in the environment instead`,
  );
}
