import type { JSX } from "preact";
import type { FieldFacts, FormField } from "../../../src/studio/form-api.js";
import { t } from "../words/words.js";

export interface SettingFieldProps {
  readonly field: FormField;
  readonly facts: FieldFacts;
  readonly text: string;
  /** What it comes to where it is left open. */
  readonly resolved?: string | undefined;
  /** The value it had when the form began; undefined where it has that still. */
  readonly before: string | undefined;
  /** That value was a preset's, not the default. */
  readonly isOfBasis: boolean;
  readonly problem?: string | undefined;
  readonly onText: (text: string) => void;
  readonly onBack: () => void;
}

/** One setting: what it is called, what it takes, what it is for, and what speaks against it. */
export function SettingField(props: SettingFieldProps): JSX.Element {
  const { field, facts, before, isOfBasis, problem } = props;
  const id = `field-${field.path}`;
  return (
    <div class={`setting${before === undefined ? "" : " changed"}`}>
      <div class="setting-name">
        <label for={id}>{capital(field.label)}</label>
        {before === undefined && isOfBasis && <span class="quiet">{t("not the default")}</span>}
        {before !== undefined && (
          <button type="button" class="small" onClick={props.onBack}>
            {before === "" ? t("back to unset") : t("back to {value}", { value: before })}
          </button>
        )}
      </div>
      <div class="setting-value">
        <Control {...props} id={id} />
        {field.unit !== undefined && facts.control === "number" && <span class="quiet">{field.unit}</span>}
      </div>
      {problem !== undefined && (
        <p class="bad" role="alert" id={`${id}-problem`}>
          {problem}
        </p>
      )}
      <p class="quiet" id={`${id}-help`}>
        {facts.help}
        {factsInWords(facts)}
      </p>
    </div>
  );
}

/** ` (a whole number from 1 to 4096; default 64)` */
function factsInWords({ control, expects, fallback }: FieldFacts): string {
  const words = [
    ...(control === "number" ? [expects] : []),
    ...(fallback === "" || control === "switch" ? [] : [t("default {value}", { value: fallback })]),
  ];
  return words.length === 0 ? "" : ` (${words.join("; ")})`;
}

function Control({ id, ...props }: SettingFieldProps & { readonly id: string }): JSX.Element {
  const { facts, text, resolved, problem, onText } = props;
  const described = problem === undefined ? `${id}-help` : `${id}-problem ${id}-help`;
  const common = { id, "aria-describedby": described, "aria-invalid": problem !== undefined };
  const placeholder = facts.fallback === "" ? (resolved ?? t("not set")) : facts.fallback;
  switch (facts.control) {
    case "switch":
      return (
        <input
          {...common}
          type="checkbox"
          checked={(text === "" ? facts.fallback : text) === "true"}
          onChange={({ currentTarget }) => {
            onText(String(currentTarget.checked));
          }}
        />
      );
    case "choice":
      return (
        <select
          {...common}
          value={text === "" ? facts.fallback : text}
          onChange={({ currentTarget }) => {
            onText(currentTarget.value);
          }}
        >
          {facts.fallback === "" && <option value="">{t("not set")}</option>}
          {facts.choices.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      );
    case "lines":
      return (
        <textarea
          {...common}
          rows={4}
          value={text}
          placeholder={placeholder}
          onInput={({ currentTarget }) => {
            onText(currentTarget.value);
          }}
        />
      );
    case "number":
    case "text":
      return (
        <>
          <input
            {...common}
            type="text"
            inputMode={facts.control === "number" ? "decimal" : "text"}
            autocomplete="off"
            spellcheck={false}
            value={text}
            placeholder={placeholder}
            list={facts.choices.length === 0 ? undefined : `${id}-choices`}
            onInput={({ currentTarget }) => {
              onText(currentTarget.value);
            }}
          />
          {facts.choices.length > 0 && (
            <datalist id={`${id}-choices`}>
              {facts.choices.map((choice) => (
                <option key={choice} value={choice} />
              ))}
            </datalist>
          )}
        </>
      );
  }
}

export function capital(text: string): string {
  return `${text[0]?.toUpperCase() ?? ""}${text.slice(1)}`;
}
