import { TrainConfig } from "./train-config.js";
import { parseWith } from "./parse-with.js";

/**
 * A training configuration with its defaults, or one line that names each wrong field, what was expected and what came.
 *
 * @param source what to call the configuration in the message, such as its file.
 * @throws {AceError} ERR_CONFIG
 */
export function parseConfig(input: unknown, source = "configuration"): TrainConfig {
  return parseWith(TrainConfig, input, source);
}
