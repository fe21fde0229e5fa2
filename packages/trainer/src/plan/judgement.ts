import * as z from "zod";
import { afterLoss, type CruiseSettings } from "./cruise-control.js";
import { meanOf, withValue } from "./running-mean.js";

/** Epochs whose mean loss decides, where no validation does. */
export const epochsAveraged = 5;
/** Of the training loss, for {@link isOverfitting}. */
const smoothing = 0.98;
/** Validations in a row. */
const risingTooLong = 3;

const loss = z.number();

/** What a run has seen of its losses, as far as later steps depend on it; part of a checkpoint. */
export const Judgement = z.strictObject({
  /** For cruise control. */
  cruise: z
    .strictObject({ mean: loss.nullable(), last: loss.nullable() })
    .prefault({ mean: null, last: null }),
  /** Mean of the training losses, as in running-mean.ts. */
  training: z.strictObject({ sum: z.number(), weight: z.number() }).prefault({ sum: 0, weight: 0 }),
  /** Losses of the epoch at hand. */
  epoch: z.strictObject({ sum: z.number(), count: z.int().min(0) }).prefault({ sum: 0, count: 0 }),
  /** Mean losses of the newest epochs, the last one last. */
  epochLosses: z.array(loss).max(epochsAveraged).default([]),
  /** Validations, or epochs, since the best. */
  sinceBest: z.int().min(0).default(0),
  /** The newest validation, and the training loss when the last fall was seen. */
  validation: z
    .strictObject({ loss, trainingLossAtFall: loss.nullable(), rises: z.int().min(0) })
    .nullable()
    .default(null),
});
export type Judgement = z.infer<typeof Judgement>;

/** After a step that counted. */
export function afterStep(before: Judgement, settings: CruiseSettings, stepLoss: number): Judgement {
  const { training, epoch } = before;
  return {
    ...before,
    cruise: afterLoss(settings, before.cruise, stepLoss),
    training: withValue(training, stepLoss, smoothing),
    epoch: { sum: epoch.sum + stepLoss, count: epoch.count + 1 },
  };
}

/** After an epoch's last step: its mean stands among the newest. An epoch of skipped steps leaves nothing. */
export function afterEpoch(before: Judgement): Judgement {
  const { epoch, epochLosses } = before;
  const mean = epoch.count === 0 ? [] : [epoch.sum / epoch.count];
  return {
    ...before,
    epoch: { sum: 0, count: 0 },
    epochLosses: [...epochLosses, ...mean].slice(-epochsAveraged),
  };
}

/** The mean loss of the newest epochs; undefined while there are too few. */
export function epochsLoss({ epochLosses }: Judgement): number | undefined {
  if (epochLosses.length < epochsAveraged) return undefined;
  return epochLosses.reduce((sum, value) => sum + value, 0) / epochsAveraged;
}

/** After a validation; one that is not finite says nothing. */
export function afterValidation(before: Judgement, validationLoss: number): Judgement {
  if (!Number.isFinite(validationLoss)) return before;
  const last = before.validation;
  const rose = last !== null && validationLoss > last.loss;
  return {
    ...before,
    validation: {
      loss: validationLoss,
      trainingLossAtFall: rose ? last.trainingLossAtFall : trainingLoss(before),
      rises: rose ? last.rises + 1 : 0,
    },
  };
}

/** The held-out loss has just risen for the third time in a row, while the training loss fell. */
export function isOverfitting(judgement: Judgement): boolean {
  const { validation } = judgement;
  const now = trainingLoss(judgement);
  if (validation?.rises !== risingTooLong || validation.trainingLossAtFall === null) return false;
  return now !== null && now < validation.trainingLossAtFall;
}

function trainingLoss({ training }: Judgement): number | null {
  return meanOf(training) ?? null;
}
