export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const key = "acewright-theme";

export function rememberedTheme(): Theme {
  return themes.find((theme) => theme === localStorage.getItem(key)) ?? "system";
}

/** Styles look at `data-theme`; without it they follow the system. */
export function applyTheme(theme: Theme): void {
  localStorage.setItem(key, theme);
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}
