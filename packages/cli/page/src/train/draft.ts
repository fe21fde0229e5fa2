import type { TrainChoices } from "../../../src/studio/train-api.js";
import { emptyForm, type FormState } from "../form/form-state.js";

/** Where the settings of a training begin. */
export type Beginning =
  | { readonly from: "defaults" }
  | { readonly from: "auto" }
  | { readonly from: "preset"; readonly name: string }
  | { readonly from: "run"; readonly path: string };

/** A training as far as it is decided. */
export interface TrainDraft {
  readonly tensors: string;
  readonly model: string;
  readonly output: string;
  /** The person named the folder: a name of ours does not replace it. */
  readonly isOutputOwn: boolean;
  readonly beginning: Beginning;
  readonly form: FormState;
  /** The device's memory may be too little, and it shall be begun all the same. */
  readonly allowTooLarge: boolean;
}

const blank: TrainDraft = {
  tensors: "",
  model: "",
  output: "",
  isOutputOwn: false,
  beginning: { from: "defaults" },
  form: emptyForm,
  allowTooLarge: false,
};

/** What was decided when the room was left: who looks at something else finds it again. */
let left: { readonly address: string; readonly draft: TrainDraft } | undefined;

/** What the room begins with: as it was left, or as its address says. */
export function beginDraft(words: Readonly<Record<string, string>>): TrainDraft {
  const address = addressOf(words);
  if (left !== undefined && (address === "" || address === left.address)) return left.draft;
  const { tensors = "", run } = words;
  return { ...blank, tensors, ...(run === undefined ? {} : { beginning: { from: "run", path: run } }) };
}

export function leaveDraft(words: Readonly<Record<string, string>>, draft: TrainDraft): void {
  left = { address: addressOf(words), draft };
}

/** The run was begun: the next one is thought out anew, with the same settings, under a new name. */
export function startedDraft(draft: TrainDraft): TrainDraft {
  return { ...draft, output: "", isOutputOwn: false, allowTooLarge: false };
}

export function choicesOf({ tensors, model, output, beginning, form }: TrainDraft): TrainChoices {
  return {
    tensors,
    model,
    output: output.trim(),
    preset: beginning.from === "preset" ? beginning.name : "",
    settings: form.settings,
  };
}

/** As a list's value, and back. */
export function beginningKey(beginning: Beginning): string {
  if (beginning.from === "preset") return `preset:${beginning.name}`;
  return beginning.from === "run" ? `run:${beginning.path}` : beginning.from;
}

export function beginningOf(key: string): Beginning {
  const [, from, name = ""] = /^(preset|run):(.*)$/s.exec(key) ?? [];
  if (from === "preset") return { from, name };
  if (from === "run") return { from, path: name };
  return { from: key === "auto" ? "auto" : "defaults" };
}

function addressOf({ tensors = "", run = "" }: Readonly<Record<string, string>>): string {
  return tensors === "" && run === "" ? "" : JSON.stringify([tensors, run]);
}
