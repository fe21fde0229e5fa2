/** The language codes the model knows. */
const codes = (
  "ar az bg bn ca cs da de el en es fa fi fr he hi hr ht hu id is it ja ko la lt ms ne nl no pa pl pt ro ru sa sk sr sv sw " +
  "ta te th tl tr uk ur vi yue zh"
).split(" ");

const englishNames = new Intl.DisplayNames(["en"], { type: "language" });

/** Names the table of the world's languages has under another word. */
const otherNames: Readonly<Record<string, string>> = {
  tagalog: "tl",
  mandarin: "zh",
  fil: "tl",
  nb: "no",
  nn: "no",
};

const byName = new Map([
  ...codes.map((code) => [(englishNames.of(code) ?? code).toLowerCase(), code] as const),
  ...Object.entries(otherNames),
]);

/** A code the model knows, from "en", "eng", "en-US" or "English"; undefined for anything else. */
export function languageCode(written: string | undefined): string | undefined {
  const word = (written ?? "").trim().toLowerCase().replaceAll("_", "-");
  const named = byName.get(word);
  if (named !== undefined) return named;
  if (!/^[a-z]{2,3}(?:-[a-z0-9]{2,8})*$/.test(word)) return undefined;
  const language = new Intl.Locale(word).language;
  const code = otherNames[language] ?? language;
  return codes.includes(code) ? code : undefined;
}
