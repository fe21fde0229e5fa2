import type { ComponentType, JSX } from "preact";
import { useState } from "preact/hooks";
import { DatasetRoom } from "./dataset/dataset.js";
import { Export } from "./export/export.js";
import { Generate } from "./generate/generate.js";
import { Home } from "./home/home.js";
import { Jobs } from "./jobs/jobs.js";
import { Run } from "./run/run.js";
import { Train } from "./train/train.js";
import { Nothing } from "./parts/parts.js";
import { linkTo, usePlace } from "./tools/place.js";
import { applyTheme, rememberedTheme, themes, type Theme } from "./tools/theme.js";
import { chooseLanguage, languages, rememberedLanguage, t, type Language } from "./words/words.js";

/** A room of the page gets the words of its address. */
export type Room = ComponentType<{ words: Readonly<Record<string, string>> }>;

const rooms: Readonly<Record<string, Room>> = {
  "": Home,
  dataset: DatasetRoom,
  jobs: Jobs,
  run: Run,
  train: Train,
  generate: Generate,
  export: Export,
};

export function App(): JSX.Element {
  const { room, words } = usePlace();
  const [, setTurn] = useState(0);
  const Shown = rooms[room];
  const links = [
    { room: "", label: t("Overview") },
    { room: "dataset", label: t("Songs") },
    { room: "train", label: t("Train") },
    { room: "generate", label: t("Listen") },
    { room: "jobs", label: t("Jobs") },
  ];
  return (
    <>
      <nav aria-label={t("Rooms")}>
        <a class="mark" href={linkTo("")}>
          Acewright
        </a>
        {links.map((link) => (
          <a key={link.room} href={linkTo(link.room)} aria-current={link.room === room ? "page" : undefined}>
            {link.label}
          </a>
        ))}
        <div class="spring" />
        <Manners
          onChange={() => {
            setTurn((turn) => turn + 1);
          }}
        />
      </nav>
      <main>
        {Shown === undefined ? <Nothing>{t("There is no such page.")}</Nothing> : <Shown words={words} />}
      </main>
    </>
  );
}

/** Theme and language: of this browser alone. */
function Manners({ onChange }: { onChange: () => void }): JSX.Element {
  const themeNames: Readonly<Record<Theme, string>> = {
    system: t("as the system"),
    light: t("light"),
    dark: t("dark"),
  };
  return (
    <div class="manners">
      <label>
        {t("Theme")}{" "}
        <select
          value={rememberedTheme()}
          onChange={({ currentTarget }) => {
            applyTheme(currentTarget.value as Theme);
            onChange();
          }}
        >
          {themes.map((theme) => (
            <option key={theme} value={theme}>
              {themeNames[theme]}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("Language")}{" "}
        <select
          value={rememberedLanguage()}
          onChange={({ currentTarget }) => {
            void chooseLanguage(currentTarget.value as Language).then(onChange);
          }}
        >
          {Object.entries(languages).map(([tag, name]) => (
            <option key={tag} value={tag}>
              {name}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}
