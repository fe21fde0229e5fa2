import { itemsToCheck } from "../../analysis/fill-fields.js";
import { AnalysisSettings } from "../../analysis/settings.js";
import type { Sample } from "../../dataset-file/schema.js";
import { remark, type Remark } from "../finding.js";

/** Values that analysis filled in without much confidence, and values of the user's that it clearly heard otherwise. */
export function doubtRemarks(sample: Sample): Remark[] {
  const { checkBelow } = AnalysisSettings.parse({});
  return itemsToCheck(sample, checkBelow).map(({ field, reason, value, heard, confidence, alternatives }) => {
    const sure = `${Math.round(confidence * 100)} % sure`;
    const others = alternatives.length === 0 ? "" : `, else ${alternatives.slice(0, 3).join(" or ")}`;
    const what =
      reason === "unsure"
        ? `${field} ${heard} was heard, ${sure}${others}`
        : `${field} says ${value ?? "nothing"}, ${heard} was heard, ${sure}`;
    return remark(
      "info",
      "doubtful-value",
      field,
      what,
      "listen, and set the right one (dataset set)",
      heard,
    );
  });
}
