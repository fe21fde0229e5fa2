import type { ComponentChildren, JSX } from "preact";
import type { FieldView } from "../../../src/studio/dataset-api.js";
import { t } from "../words/words.js";
import { fits } from "./drafts.js";
import { nameOf } from "./names.js";

export interface FieldProps {
  readonly field: FieldView;
  /** Tells fields of the same name in several forms apart. */
  readonly form: string;
  readonly text: string;
  readonly onText: (text: string) => void;
  /** Lines of a text that may be long; one line where it is not given. */
  readonly lines?: number;
  /** What an empty choice means. */
  readonly unset?: string;
  readonly children?: ComponentChildren;
}

/** One field of a form made of a schema: its name, what it takes, what it is for. */
export function Field(props: FieldProps): JSX.Element {
  const { field, form, text, children } = props;
  const id = `${form}-${field.key}`;
  const wrong = !fits(field, text);
  return (
    <div class={`field${wrong ? " wrong" : ""}`}>
      <label for={id}>{nameOf(field)}</label>
      <Control {...props} id={id} wrong={wrong} />
      {wrong && (
        <p class="bad" role="alert">
          {field.whole
            ? t("A whole number from {min} to {max} is needed.", rangeOf(field))
            : t("A number from {min} to {max} is needed.", rangeOf(field))}
        </p>
      )}
      <p class="help" id={`${id}-help`}>
        {field.help}
      </p>
      {children}
    </div>
  );
}

function rangeOf({ min, max }: FieldView): { min: string; max: string } {
  return { min: String(min ?? "−∞"), max: String(max ?? "∞") };
}

function Control({
  field,
  text,
  onText,
  lines,
  unset = t("not set"),
  id,
  wrong,
}: FieldProps & { readonly id: string; readonly wrong: boolean }): JSX.Element {
  const common = { id, "aria-describedby": `${id}-help`, "aria-invalid": wrong };
  switch (field.control) {
    case "switch":
      return (
        <input
          {...common}
          type="checkbox"
          checked={(text === "" ? field.fallback : text) === "true"}
          onChange={({ currentTarget }) => {
            onText(String(currentTarget.checked));
          }}
        />
      );
    case "choice":
      return (
        <select
          {...common}
          value={text === "" ? field.fallback : text}
          onChange={({ currentTarget }) => {
            onText(currentTarget.value);
          }}
        >
          {field.fallback === "" && <option value="">{unset}</option>}
          {field.choices.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      );
    case "number":
    case "text":
      return lines === undefined ? (
        <input
          {...common}
          type="text"
          inputMode={field.control === "number" ? "decimal" : "text"}
          autocomplete="off"
          value={text}
          placeholder={field.fallback}
          onInput={({ currentTarget }) => {
            onText(currentTarget.value);
          }}
        />
      ) : (
        <textarea
          {...common}
          rows={lines}
          value={text}
          onInput={({ currentTarget }) => {
            onText(currentTarget.value);
          }}
        />
      );
  }
}
