import type { JSX } from "preact";
import type { FormProblem } from "../../../src/studio/form-api.js";
import type { ChosenAdapter, FoundAdapter } from "../../../src/studio/songs-api.js";
import { t } from "../words/words.js";

interface AdaptersProps {
  readonly chosen: readonly ChosenAdapter[];
  readonly found: readonly FoundAdapter[];
  readonly problems: readonly FormProblem[];
  readonly onChosen: (chosen: readonly ChosenAdapter[]) => void;
}

/** None, one or several adapters, each as strong as wanted. */
export function Adapters({ chosen, found, problems, onChosen }: AdaptersProps): JSX.Element {
  const set = (at: number, change: Partial<ChosenAdapter>): void => {
    onChosen(chosen.map((one, i) => (i === at ? { ...one, ...change } : one)));
  };
  return (
    <fieldset class="kinds">
      <legend>{t("Adapters")}</legend>
      {chosen.length === 0 && <p class="nothing">{t("None: the model plays as it is.")}</p>}
      {chosen.map(({ path, scale }, i) => {
        const problem = problems.find((one) => one.path === `adapters.${i}`)?.text;
        return (
          // Rows have no name of their own, and are only ever added at the end.
          <div key={i} class="adapter-row">
            <label>
              {t("Adapter {number}", { number: i + 1 })}
              <input
                type="text"
                spellcheck={false}
                list="known-adapters"
                value={path}
                placeholder={t("a run, or an adapter's folder or file")}
                onInput={({ currentTarget }) => {
                  set(i, { path: currentTarget.value });
                }}
              />
            </label>
            <label>
              {t("Strength")}
              <input
                type="text"
                inputMode="decimal"
                value={scale}
                aria-invalid={problem !== undefined}
                onInput={({ currentTarget }) => {
                  set(i, { scale: currentTarget.value });
                }}
              />
            </label>
            <button
              type="button"
              onClick={() => {
                onChosen(chosen.filter((_, at) => at !== i));
              }}
            >
              {t("Leave out")}
            </button>
            {problem !== undefined && (
              <p class="bad" role="alert">
                {problem}
              </p>
            )}
          </div>
        );
      })}
      <datalist id="known-adapters">
        {found.map((adapter) => (
          <option key={adapter.path} value={adapter.path}>
            {adapterName(adapter)}
          </option>
        ))}
      </datalist>
      <div class="actions">
        <label>
          {t("Add")}{" "}
          <select
            value=""
            onChange={({ currentTarget }) => {
              const { value } = currentTarget;
              currentTarget.value = "";
              if (value !== "") onChosen([...chosen, { path: value === other ? "" : value, scale: "1" }]);
            }}
          >
            <option value="">{t("an adapter…")}</option>
            {found.map((adapter) => (
              <option key={adapter.path} value={adapter.path}>
                {adapterName(adapter)}
              </option>
            ))}
            <option value={other}>{t("another folder or file…")}</option>
          </select>
        </label>
      </div>
    </fieldset>
  );
}

/** No path: the name would be a folder's own. */
const other = "\n";

export function adapterName({ run, which, step = 0 }: FoundAdapter): string {
  if (which === "final") return t("{run}: final", { run });
  if (which === "best") return t("{run}: best, of step {step}", { run, step });
  return t("{run}: step {step}", { run, step });
}
