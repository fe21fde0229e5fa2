import type { Dataset } from "@acewright/dataset";
import { parseDataset } from "../../src/dataset-file/load-dataset.js";

/** A dataset of samples that say only what a test is about. */
export function datasetOf(samples: readonly object[], metadata: object = {}): Dataset {
  return parseDataset(JSON.stringify({ metadata, samples }), "test").dataset;
}
