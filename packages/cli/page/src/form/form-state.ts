import type { FieldFacts, FormField, Texts } from "../../../src/studio/form-api.js";

/** Settings as they are typed, and what they began from: a preset, a run, or nothing but the defaults. */
export interface FormState {
  readonly settings: Texts;
  readonly basis: Texts;
}

export const emptyForm: FormState = { settings: {}, basis: {} };

/** What a field takes beside the chosen kinds; undefined where the chosen kind has no such field. */
export function factsOf(
  field: FormField,
  settings: Texts,
  fields: readonly FormField[],
): FieldFacts | undefined {
  if (field.kindPath === undefined) return field.facts[""];
  const kinds = fields.find(({ path }) => path === field.kindPath);
  return field.facts[textOr(settings[field.kindPath], kinds?.facts[""]?.fallback ?? "")];
}

/** What stands in the field: empty where the default is left to hold. */
export function typedText({ path }: FormField, { settings }: FormState, { fallback }: FieldFacts): string {
  return settings[path] ?? fallback;
}

/** Whether a field differs from what the form began from. */
export function isChanged(field: FormField, { settings, basis }: FormState, facts: FieldFacts): boolean {
  return !isSame(facts, settings[field.path], basis[field.path]);
}

/** Whether what the form began from differs from the default here. */
export function isOfBasis({ path }: FormField, { basis }: FormState, facts: FieldFacts): boolean {
  return !isSame(facts, basis[path], undefined);
}

/** The value that a field had when the form began. */
export function baseText({ path }: FormField, { basis }: FormState, { fallback }: FieldFacts): string {
  return textOr(basis[path], fallback);
}

/** The form with another text in a field. */
export function withText(state: FormState, { path }: FormField, text: string): FormState {
  return { ...state, settings: { ...state.settings, [path]: text } };
}

/** The form with a field as it began. */
export function setBack(state: FormState, { path }: FormField): FormState {
  const settings = Object.fromEntries(Object.entries(state.settings).filter(([key]) => key !== path));
  const before = state.basis[path];
  return { ...state, settings: before === undefined ? settings : { ...settings, [path]: before } };
}

/** The form as it began. */
export function setAllBack({ basis }: FormState): FormState {
  return { basis, settings: basis };
}

/** Several texts taken over at once; an empty one leaves the default to hold. */
export function withTexts(state: FormState, texts: Texts): FormState {
  return { ...state, settings: { ...state.settings, ...texts } };
}

/** What was changed by hand, by path. */
export function editsOf(fields: readonly FormField[], state: FormState): Texts {
  return Object.fromEntries(
    fields.flatMap((field) => {
      const facts = factsOf(field, state.settings, fields);
      const text = state.settings[field.path];
      // Of a kind that is not chosen now: it comes back with its kind.
      const isEdit = facts === undefined ? text !== state.basis[field.path] : isChanged(field, state, facts);
      return isEdit ? [[field.path, text ?? ""]] : [];
    }),
  );
}

/** Begins from something else, and keeps what was changed by hand. */
export function withBasis(fields: readonly FormField[], state: FormState, basis: Texts): FormState {
  return { basis, settings: { ...basis, ...editsOf(fields, state) } };
}

/** Number of fields of these that were changed. */
export function changedCount(
  shown: readonly FormField[],
  state: FormState,
  fields: readonly FormField[],
): number {
  return shown.filter((field) => {
    const facts = factsOf(field, state.settings, fields);
    return facts !== undefined && isChanged(field, state, facts);
  }).length;
}

function isSame({ control, fallback }: FieldFacts, a: string | undefined, b: string | undefined): boolean {
  const [one, other] = [textOr(a, fallback), textOr(b, fallback)];
  if (one === other) return true;
  return control === "number" && one !== "" && other !== "" && Number(one) === Number(other);
}

/** A field that was emptied is as its default. */
function textOr(text: string | undefined, fallback: string): string {
  return text === undefined || text === "" ? fallback : text;
}
