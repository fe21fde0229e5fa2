import type { JSX } from "preact";
import type { FormField } from "../../../src/studio/form-api.js";
import { factsOf, typedText, withText, type FormState } from "../form/form-state.js";
import { t } from "../words/words.js";

export const kindPath = "adapter.kind";

/** When to choose which kind of adapter, in one line each. */
export function kindWords(kind: string): string | undefined {
  const words: Readonly<Record<string, string>> = {
    lora: t("The usual choice: quick, small, and every program loads it."),
    dora: t("A LoRA that trains sizes apart from directions: nearer to a full fine-tuning, a little slower."),
    lokr: t("Kronecker factors: few numbers for much change, good for a style; for ComfyUI and LyCORIS."),
    loha: t("Products of two LoRAs: richer changes at a low rank; for ComfyUI and LyCORIS."),
  };
  return words[kind];
}

/** The kinds there are, to choose one. */
export function AdapterKinds(props: {
  fields: readonly FormField[];
  state: FormState;
  onState: (change: (before: FormState) => FormState) => void;
}): JSX.Element | null {
  const { fields, state, onState } = props;
  const field = fields.find(({ path }) => path === kindPath);
  const facts = field === undefined ? undefined : factsOf(field, state.settings, fields);
  if (field === undefined || facts === undefined) return null;
  const chosen = typedText(field, state, facts) || facts.fallback;
  return (
    <fieldset class="kinds">
      <legend>{t("Kind of adapter")}</legend>
      {facts.choices.map((kind) => (
        <label key={kind} class="kind">
          <input
            type="radio"
            name={kindPath}
            value={kind}
            checked={kind === chosen}
            onChange={() => {
              onState((before) => withText(before, field, kind));
            }}
          />
          <span>
            <strong>{kind}</strong> <span class="quiet">{kindWords(kind)}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
