/** Language codes the model knows. */
export const languageCodes: ReadonlySet<string> = new Set(
  (
    "ar az bg bn ca cs da de el en es fa fi fr he hi hr ht hu id is it ja ko la lt ms ne nl no pa pl pt ro ru sa sk " +
    "sr sv sw ta te th tl tr uk ur vi yue zh unknown"
  ).split(" "),
);

/** What people write instead. */
const otherNames: Readonly<Record<string, string>> = {
  jp: "ja",
  cn: "zh",
  kr: "ko",
  ua: "uk",
  gr: "el",
  cz: "cs",
  dk: "da",
  se: "sv",
  cantonese: "yue",
  mandarin: "zh",
  nb: "no",
  nn: "no",
  fil: "tl",
  iw: "he",
  in: "id",
  "": "unknown",
  none: "unknown",
  instrumental: "unknown",
};

const names = new Intl.DisplayNames(["en"], { type: "language" });
const codeOfName = new Map([...languageCodes].map((code) => [names.of(code)?.toLowerCase() ?? code, code]));

/** The code that was meant by another spelling: "EN", "en-US", "english", "jp"; undefined where it cannot be told. */
export function suggestLanguage(language: string): string | undefined {
  const word = language.trim().toLowerCase();
  const base = word.split(/[-_]/)[0] ?? "";
  return [otherNames[word], codeOfName.get(word), word, otherNames[base], base].find(
    (code) => code !== undefined && languageCodes.has(code),
  );
}

/** Scripts whose letters tell which languages a text can be in; the first language is the likeliest. */
const scripts: readonly { name: string; letters: RegExp; languages: string }[] = [
  { name: "kana", letters: /[\p{Script=Hiragana}\p{Script=Katakana}]/gu, languages: "ja" },
  { name: "Hangul", letters: /\p{Script=Hangul}/gu, languages: "ko" },
  { name: "Chinese characters", letters: /\p{Script=Han}/gu, languages: "zh yue ja ko vi" },
  { name: "Cyrillic", letters: /\p{Script=Cyrillic}/gu, languages: "ru uk bg sr az" },
  { name: "Greek", letters: /\p{Script=Greek}/gu, languages: "el" },
  { name: "Arabic", letters: /\p{Script=Arabic}/gu, languages: "ar fa ur pa az ms" },
  { name: "Hebrew", letters: /\p{Script=Hebrew}/gu, languages: "he" },
  { name: "Devanagari", letters: /\p{Script=Devanagari}/gu, languages: "hi ne sa" },
  { name: "Bengali", letters: /\p{Script=Bengali}/gu, languages: "bn" },
  { name: "Gurmukhi", letters: /\p{Script=Gurmukhi}/gu, languages: "pa" },
  { name: "Tamil", letters: /\p{Script=Tamil}/gu, languages: "ta" },
  { name: "Telugu", letters: /\p{Script=Telugu}/gu, languages: "te" },
  { name: "Thai", letters: /\p{Script=Thai}/gu, languages: "th" },
  {
    name: "Latin",
    letters: /\p{Script=Latin}/gu,
    languages: "en az ca cs da de es fi fr hr ht hu id is it la lt ms nl no pl pt ro sk sr sv sw tl tr vi",
  },
];

/** Fewer letters say nothing. */
const leastLetters = 12;
/** Of this share of the letters a text's script is taken; choruses in another language are common. */
const mainShare = 0.6;
/** So much kana or Hangul makes a text with Chinese characters Japanese or Korean. */
const tellingShare = 0.15;

/** The script most of a text is written in, with the languages it may be; undefined where it is mixed or short. */
export function scriptOf(text: string): { name: string; languages: readonly string[] } | undefined {
  // Structure tags are English in lyrics of any language.
  const sung = text.replace(/\[[^\]]*\]/g, "").normalize("NFC");
  const counts = scripts.map(({ letters }) => sung.match(letters)?.length ?? 0);
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (all < leastLetters) return undefined;
  // The first two scripts, kana and Hangul, decide before the Chinese characters they stand among.
  const main = counts.findIndex((count, place) => count > all * (place < 2 ? tellingShare : mainShare));
  const found = scripts[main];
  return found === undefined ? undefined : { name: found.name, languages: found.languages.split(" ") };
}
