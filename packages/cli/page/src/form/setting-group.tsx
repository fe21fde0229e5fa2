import type { JSX } from "preact";
import type { FormField, FormGroup, FormProblem, Texts } from "../../../src/studio/form-api.js";
import { t } from "../words/words.js";
import {
  baseText,
  changedCount,
  factsOf,
  isChanged,
  isOfBasis,
  setBack,
  typedText,
  withText,
  type FormState,
} from "./form-state.js";
import { SettingField } from "./setting-field.js";

export interface FieldsProps {
  readonly fields: readonly FormField[];
  readonly state: FormState;
  readonly problems: readonly FormProblem[];
  /** What fields that are left open come to. */
  readonly resolved?: Texts | undefined;
  readonly onState: (change: (before: FormState) => FormState) => void;
}

/** Those of the fields that the chosen kinds have. */
export function SettingFields(props: FieldsProps & { readonly shown: readonly FormField[] }): JSX.Element {
  const { shown, fields, state, problems, resolved, onState } = props;
  return (
    <div class="settings">
      {shown.map((field) => {
        const facts = factsOf(field, state.settings, fields);
        if (facts === undefined) return null;
        return (
          <SettingField
            key={field.path}
            field={field}
            facts={facts}
            text={typedText(field, state, facts)}
            resolved={resolved?.[field.path]}
            before={isChanged(field, state, facts) ? baseText(field, state, facts) : undefined}
            isOfBasis={isOfBasis(field, state, facts)}
            problem={problems.find(({ path }) => path === field.path)?.text}
            onText={(text) => {
              onState((before) => withText(before, field, text));
            }}
            onBack={() => {
              onState((before) => setBack(before, field));
            }}
          />
        );
      })}
    </div>
  );
}

/** A group of settings, folded, with what must be known of it while it is. */
export function SettingGroup({
  group,
  ...props
}: FieldsProps & { readonly group: FormGroup }): JSX.Element | null {
  const { fields, state, problems } = props;
  const rest = group.fields.filter(({ path }) => !group.basic.includes(path));
  const changed = changedCount(rest, state, fields);
  const wrong = problems.filter(({ path }) => rest.some((field) => field.path === path)).length;
  if (rest.length === 0) return null;
  return (
    <details class="group">
      <summary>
        {group.title}{" "}
        {changed > 0 && <span class="badge busy">{t("{count} changed", { count: changed })}</span>}{" "}
        {wrong > 0 && <span class="badge bad">{t("{count} wrong", { count: wrong })}</span>}
      </summary>
      <SettingFields {...props} shown={rest} />
    </details>
  );
}
