import type { JSX } from "preact";
import { t } from "../words/words.js";

/** A list; what is chosen stays in it though nothing of the kind lies there. */
export function Choice(props: {
  id: string;
  label: string;
  value: string;
  choices: readonly { readonly value: string; readonly label: string }[];
  onValue: (value: string) => void;
}): JSX.Element {
  const { id, label, value, choices, onValue } = props;
  const isListed = choices.some((choice) => choice.value === value);
  return (
    <div class="setting">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        onChange={({ currentTarget }) => {
          onValue(currentTarget.value);
        }}
      >
        {!isListed && <option value={value}>{value === "" ? t("choose…") : value}</option>}
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.label}
          </option>
        ))}
      </select>
    </div>
  );
}
