import { expect, test } from "vitest";
import type { FieldFacts, FormField } from "../../dist/studio/form-api.js";
import {
  baseText,
  changedCount,
  editsOf,
  emptyForm,
  factsOf,
  isChanged,
  isOfBasis,
  setAllBack,
  setBack,
  typedText,
  withBasis,
  withText,
  withTexts,
  type FormState,
} from "../../dist/page/form/form-state.js";

function facts(fallback: string, control: FieldFacts["control"] = "number"): FieldFacts {
  return { help: "", control, choices: [], expects: "", fallback };
}
const kind: FormField = { path: "adapter.kind", label: "adapter", facts: { "": facts("lora", "choice") } };
const rank: FormField = {
  path: "adapter.rank",
  label: "rank",
  kindPath: "adapter.kind",
  facts: { lora: facts("64"), lokr: facts("64") },
};
const dropout: FormField = {
  path: "adapter.dropout",
  label: "dropout",
  kindPath: "adapter.kind",
  facts: { lora: facts("0.1") },
};
const factor: FormField = {
  path: "adapter.factor",
  label: "factor",
  kindPath: "adapter.kind",
  facts: { lokr: facts("-1") },
};
const rate: FormField = { path: "learningRate", label: "learning rate", facts: { "": facts("") } };
const fields = [kind, rank, dropout, factor, rate];

function known(field: FormField, state: FormState): FieldFacts {
  const found = factsOf(field, state.settings, fields);
  if (found === undefined) throw new Error(`${field.path} is not shown`);
  return found;
}
const changed = (state: FormState): string[] => Object.keys(editsOf(fields, state));
const shown = (state: FormState): string[] =>
  fields.filter((field) => factsOf(field, state.settings, fields) !== undefined).map(({ label }) => label);

test("only the fields of the chosen kind are shown", () => {
  expect(shown(emptyForm)).toEqual(["adapter", "rank", "dropout", "learning rate"]);
  expect(shown(withText(emptyForm, kind, "lokr"))).toEqual(["adapter", "rank", "factor", "learning rate"]);
});

test("a text that differs from where the form began is marked, and set back alone", () => {
  const one = withText(withText(emptyForm, rank, "8"), rate, "1e-3");
  expect(changed(one)).toEqual(["adapter.rank", "learningRate"]);
  expect(changedCount([rank, rate, dropout], one, fields)).toBe(2);
  const back = setBack(one, rank);
  expect(changed(back)).toEqual(["learningRate"]);
  expect(typedText(rank, back, known(rank, back))).toBe("64");
});

test("the same number written otherwise, and a field that was emptied, are no change", () => {
  const preset = withBasis(fields, emptyForm, { learningRate: "0.0001" });
  expect(isChanged(rate, withText(preset, rate, "1e-4"), known(rate, preset))).toBe(false);
  const emptied = withText(emptyForm, rank, "");
  expect(isChanged(rank, emptied, known(rank, emptied))).toBe(false);
  // It is shown as it was left: who types another number first empties the field.
  expect(typedText(rank, emptied, known(rank, emptied))).toBe("");
  expect(isChanged(rate, withText(preset, rate, ""), known(rate, preset))).toBe(true);
});

test("a preset's value is where its form begins, and is told apart from the default", () => {
  const state = withBasis(fields, emptyForm, { "adapter.rank": "16" });
  expect(typedText(rank, state, known(rank, state))).toBe("16");
  expect([isChanged(rank, state, known(rank, state)), isOfBasis(rank, state, known(rank, state))]).toEqual([
    false,
    true,
  ]);
  const other = withText(state, rank, "64");
  expect([isChanged(rank, other, known(rank, other)), baseText(rank, other, known(rank, other))]).toEqual([
    true,
    "16",
  ]);
  expect(setBack(other, rank).settings).toEqual({ "adapter.rank": "16" });
  expect(setAllBack(withText(other, rate, "1"))).toEqual(state);
});

test("another preset keeps what was changed by hand, and nothing of the first", () => {
  const first = withBasis(fields, emptyForm, { "adapter.rank": "16", learningRate: "3e-4" });
  const edited = withText(first, rank, "24");
  const second = withBasis(fields, edited, { "adapter.rank": "128", "adapter.dropout": "0.2" });
  expect(second.settings).toEqual({ "adapter.rank": "24", "adapter.dropout": "0.2" });
  expect(withBasis(fields, second, {}).settings).toEqual({ "adapter.rank": "24" });
});

test("a text of a kind that is left comes back with its kind", () => {
  const lora = withText(emptyForm, dropout, "0.3");
  const lokr = withBasis(fields, withText(lora, kind, "lokr"), {});
  expect(shown(lokr)).not.toContain("dropout");
  const again = withText(lokr, kind, "lora");
  expect(typedText(dropout, again, known(dropout, again))).toBe("0.3");
});

test("a cure's texts are taken over as if they were typed", () => {
  const state = withTexts(withText(emptyForm, rate, "2"), { "adapter.rank": "8", learningRate: "" });
  expect(changed(state)).toEqual(["adapter.rank"]);
});
