import { describeCure, TrainConfig } from "@acewright/trainer";
import type { PlannedRun } from "@acewright/trainer";
import { ranksOf } from "../../render/adapter-words.js";
import { withCure } from "../../choices/with-cure.js";
import type { Values } from "../../choices/values.js";
import type { Texts } from "../form-api.js";
import { textsOf } from "../form/read-texts.js";
import type { CureRow, TrainPlan } from "../train-api.js";
import { omitted } from "./train-choices.js";

/** Masters and gradients are float32 on every device. */
const bytesPerParameter = 4;

/** A plan as the page shows it. */
export function viewPlan(plan: PlannedRun, values: Values, busy: boolean): TrainPlan {
  return {
    plan,
    parameters: plan.memory.gradientBytes / bytesPerParameter,
    ranks: ranksOf(plan.config.adapter),
    cures: plan.recompute.cures.map((cure): CureRow => {
      const settings = changes(values, withCure(values, cure));
      return { words: describeCure(cure), totalBytes: cure.totalBytes, settings };
    }),
    resolved: textsOf(TrainConfig, plan.config, { omit: omitted }),
    busy,
  };
}

/** The texts to take over; an empty one takes a setting away. */
function changes(before: Values, after: Values): Texts {
  const [old, now] = [before, after].map((values) => textsOf(TrainConfig, values, { omit: omitted }));
  const gone = Object.keys(old ?? {}).filter((path) => now?.[path] === undefined);
  return {
    ...Object.fromEntries(Object.entries(now ?? {}).filter(([path, text]) => old?.[path] !== text)),
    ...Object.fromEntries(gone.map((path) => [path, ""])),
  };
}
