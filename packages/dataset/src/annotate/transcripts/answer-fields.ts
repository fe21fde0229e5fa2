import { normaliseKey } from "../../dataset-file/key-name.js";
import { normaliseTimeSignature } from "../../dataset-file/time-signature.js";

/** What a captioning model says of a song. Absent fields were not said, or not so that they can be used. */
export interface SaidFields {
  caption?: string;
  lyrics?: string;
  genre?: string;
  language?: string;
  bpm?: number;
  keyscale?: string;
  timesignature?: string;
}

/**
 * The JSON object in a model's answer: as it is, out of a fence, or from the first `{` to the last `}`.
 *
 * @returns undefined where there is none.
 */
export function answerObject(text: string): Record<string, unknown> | undefined {
  const bare = text
    .trim()
    .replace(/^```[a-z]*\s*/i, "")
    .replace(/\s*```$/, "");
  const inner = bare.slice(bare.indexOf("{"), bare.lastIndexOf("}") + 1);
  for (const candidate of [bare, inner]) {
    try {
      const value: unknown = JSON.parse(candidate);
      if (typeof value === "object" && value !== null && !Array.isArray(value))
        return value as Record<string, unknown>;
    } catch {
      // The next candidate may be JSON; where none is, the caller says so.
    }
  }
  return undefined;
}

const aliases: Readonly<Record<string, keyof SaidFields>> = {
  caption: "caption",
  lyrics: "lyrics",
  genre: "genre",
  genres: "genre",
  language: "language",
  bpm: "bpm",
  tempo: "bpm",
  key: "keyscale",
  keyscale: "keyscale",
  signature: "timesignature",
  timesignature: "timesignature",
  time_signature: "timesignature",
};

/** Fields of an answer that is an object. */
export function fieldsOfObject(answer: Readonly<Record<string, unknown>>): SaidFields {
  const texts = Object.entries(answer).flatMap(([name, value]): [string, string][] => {
    if (typeof value === "string" || typeof value === "number") return [[name, String(value)]];
    return Array.isArray(value) ? [[name, value.filter((part) => typeof part === "string").join(", ")]] : [];
  });
  return fieldsOf(texts);
}

/** Fields of an answer in lines such as "Genre: folk"; lines without a name go on with the field before, at first the caption. */
export function fieldsOfLines(answer: string): SaidFields {
  const texts = new Map<string, string>();
  let current = "caption";
  for (const line of answer.replace(/[*_#`]+/g, "").split("\n")) {
    const [, name = "", rest = ""] = /^\s*(?:\d+\.\s*|-\s*)?([A-Za-z_ ]{2,20}?)\s*:\s*(.*)$/.exec(line) ?? [];
    const field = aliases[name.toLowerCase().replaceAll(" ", "_")];
    if (field !== undefined) current = field;
    const words = field === undefined ? line.trim() : rest.trim();
    const before = texts.get(current);
    texts.set(current, before === undefined ? words : `${before} ${words}`.trim());
  }
  return fieldsOf([...texts]);
}

function fieldsOf(texts: readonly (readonly [string, string])[]): SaidFields {
  const said: SaidFields = {};
  for (const [name, text] of texts) {
    const field = aliases[name.toLowerCase()];
    const words = field === "lyrics" ? text.trim() : text.replace(/\s+/g, " ").trim();
    if (field === undefined || words === "" || /^(?:n\/?a|unknown|none)$/i.test(words)) continue;
    if (field === "bpm") {
      const bpm = Math.round(Number(/\d+(?:\.\d+)?/.exec(words)?.[0]));
      if (bpm >= 30 && bpm <= 300) said.bpm = bpm;
    } else if (field === "keyscale") {
      const key = normaliseKey(words);
      if (/^[A-G][#b]? (?:major|minor)$/.test(key)) said.keyscale = key;
    } else if (field === "timesignature") {
      const signature = normaliseTimeSignature(words);
      if (/^[2346]$/.test(signature)) said.timesignature = signature;
    } else said[field] = words;
  }
  return said;
}
