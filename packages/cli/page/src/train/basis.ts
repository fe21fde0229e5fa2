import { useEffect, useState } from "preact/hooks";
import type { FormField } from "../../../src/studio/form-api.js";
import type { TrainBasis } from "../../../src/studio/train-api.js";
import { editsOf, withBasis } from "../form/form-state.js";
import { get, post } from "../tools/api.js";
import { choicesOf, type Beginning, type TrainDraft } from "./draft.js";

export interface FoundBasis {
  readonly beginning: Beginning;
  readonly basis: TrainBasis | undefined;
  readonly error: Error | undefined;
}

/**
 * Brings the settings that a training begins from, once for each beginning; those chosen for memory and songs again when these
 * change.
 *
 * @param round asks again.
 */
export function useBasis(
  draft: TrainDraft,
  fields: readonly FormField[],
  onDraft: (change: (before: TrainDraft) => TrainDraft) => void,
  round: number,
): FoundBasis {
  const { beginning, tensors, model, form } = draft;
  const [found, setFound] = useState<FoundBasis>({ beginning, basis: undefined, error: undefined });
  const isAuto = beginning.from === "auto";
  const canAsk = fields.length > 0 && (!isAuto || (tensors !== "" && model !== ""));
  const surroundings = isAuto ? [tensors, model, form.settings["adapter.kind"], round] : [];
  const question = JSON.stringify([beginning, surroundings]);
  useEffect(() => {
    if (!canAsk) return undefined;
    const over = new AbortController();
    const ask = async (): Promise<TrainBasis> => {
      if (beginning.from === "preset")
        return await get("train/basis", { preset: beginning.name }, over.signal);
      if (beginning.from === "run") return await get("train/basis", { run: beginning.path }, over.signal);
      if (beginning.from === "defaults") return { settings: {} };
      return await post(
        "train/suggest",
        { ...choicesOf(draft), settings: editsOf(fields, form) },
        over.signal,
      );
    };
    setFound({ beginning, basis: undefined, error: undefined });
    ask().then(
      (basis) => {
        setFound({ beginning, basis, error: undefined });
        onDraft((before) => taken(before, fields, basis));
      },
      (reason: unknown) => {
        if (over.signal.aborted) return;
        const error = reason instanceof Error ? reason : new Error(String(reason));
        setFound({ beginning, basis: undefined, error });
      },
    );
    return () => {
      over.abort();
    };
  }, [question, canAsk]);
  return found;
}

/** The draft begun from these settings; a run's songs and model are taken where none were chosen. */
export function taken(
  draft: TrainDraft,
  fields: readonly FormField[],
  { settings, tensors = "", model = "" }: TrainBasis,
): TrainDraft {
  return {
    ...draft,
    tensors: draft.tensors === "" ? tensors : draft.tensors,
    model: draft.model === "" ? model : draft.model,
    form: withBasis(fields, draft.form, settings),
  };
}
