/** The page speaks English in its source; other languages translate whole phrases. A phrase without a translation stays English. */

export const languages = {
  en: "English",
  de: "Deutsch",
  ja: "日本語",
  ko: "한국어",
  zh: "简体中文",
} as const;
export type Language = keyof typeof languages;
export type Phrases = Readonly<Record<string, string>>;

/** Read when they are chosen. */
const loaders: Readonly<Partial<Record<Language, () => Promise<{ phrases: Phrases }>>>> = {
  de: () => import("./de.js"),
  ja: () => import("./ja.js"),
  ko: () => import("./ko.js"),
  zh: () => import("./zh.js"),
};
const key = "acewright-language";
let phrases: Phrases = {};

/** What was chosen here before, else the first of the browser's languages that the page speaks. */
export function rememberedLanguage(): Language {
  const wanted = [localStorage.getItem(key), ...navigator.languages].map((tag) => tag?.slice(0, 2));
  return wanted.find((tag): tag is Language => tag !== undefined && tag in languages) ?? "en";
}

export async function chooseLanguage(language: Language): Promise<void> {
  localStorage.setItem(key, language);
  document.documentElement.lang = language;
  phrases = (await loaders[language]?.())?.phrases ?? {};
}

/**
 * A phrase in the language of the page.
 *
 * @param english the phrase as it stands in the source, with `{name}` for what is filled in.
 */
export function t(english: string, values: Readonly<Record<string, string | number>> = {}): string {
  return (phrases[english] ?? english).replace(/\{(\w+)\}/g, (whole, name: string) =>
    String(values[name] ?? whole),
  );
}
