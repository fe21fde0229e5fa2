import type { JSX } from "preact";
import { t } from "../words/words.js";

/** What is looked for among the songs. */
export interface Search {
  readonly text: string;
  readonly filter: string;
  readonly onlyFindings: boolean;
}

export const noSearch: Search = { text: "", filter: "", onlyFindings: false };

/** Free words over everything, the filter of the command line, and the filters people ask for most. */
export function Toolbar(props: {
  search: Search;
  onSearch: (search: Search) => void;
  error: Error | undefined;
  shown: number;
  all: number;
  selected: number;
  onSelectNone: () => void;
}): JSX.Element {
  const { search, onSearch, error, shown, all, selected, onSelectNone } = props;
  const quick: readonly (readonly [string, string])[] = [
    ["!caption", t("without caption")],
    ["!lyrics", t("without lyrics")],
    ["!bpm", t("without tempo")],
    ["!keyscale", t("without key")],
    ["!labeled", t("not labeled")],
  ];
  return (
    <div class="toolbar">
      <label>
        <span>{t("Search")}</span>
        <input
          type="search"
          value={search.text}
          placeholder={t("name, caption, lyrics…")}
          onInput={({ currentTarget }) => {
            onSearch({ ...search, text: currentTarget.value });
          }}
        />
      </label>
      <label>
        <span>{t("Filter")}</span>
        <input
          type="text"
          autocomplete="off"
          spellcheck={false}
          value={search.filter}
          placeholder="bpm>=120; !caption; lyrics~love"
          aria-invalid={error !== undefined}
          aria-describedby="filter-help"
          onInput={({ currentTarget }) => {
            onSearch({ ...search, filter: currentTarget.value });
          }}
        />
      </label>
      <div class="actions">
        {quick.map(([filter, name]) => (
          <button
            key={filter}
            type="button"
            aria-pressed={search.filter === filter}
            onClick={() => {
              onSearch({ ...search, filter: search.filter === filter ? "" : filter });
            }}
          >
            {name}
          </button>
        ))}
        <button
          type="button"
          aria-pressed={search.onlyFindings}
          onClick={() => {
            onSearch({ ...search, onlyFindings: !search.onlyFindings });
          }}
        >
          {t("with findings")}
        </button>
      </div>
      <p class="quiet" id="filter-help" aria-live="polite">
        {error !== undefined ? (
          <span class="bad">{error.message}</span>
        ) : shown === all ? (
          t("{count} songs", { count: all })
        ) : (
          t("{count} of {all} songs", { count: shown, all })
        )}
        {selected > 0 && (
          <>
            {" · "}
            {t("{count} selected", { count: selected })}{" "}
            <button type="button" class="plain link" onClick={onSelectNone}>
              {t("select none")}
            </button>
          </>
        )}
      </p>
    </div>
  );
}
