import type { Dataset } from "../dataset-file/schema.js";
import { itemsToCheck, type CheckItem } from "./fill-fields.js";
import { AnalysisSettings } from "./settings.js";

/**
 * Everything a person should check in a dataset that was analysed: values that were filled in without much confidence, and
 * values of the user's that contradict what was clearly heard. The least sure first.
 *
 * @param checkBelow confidence from which a value is trusted
 */
export function analysisQueue(
  dataset: Dataset,
  checkBelow: number = AnalysisSettings.parse({}).checkBelow,
): (CheckItem & { sample: number })[] {
  const items = dataset.samples.flatMap((sample, index) =>
    itemsToCheck(sample, checkBelow).map((item) => ({ sample: index, ...item })),
  );
  const doubt = ({ reason, confidence }: CheckItem): number => (reason === "unsure" ? confidence : 1);
  return items.sort((a, b) => doubt(a) - doubt(b));
}
