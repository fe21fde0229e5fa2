import { AceError } from "@acewright/core-native";
import { defined } from "../preprocess/recipe.js";
import { LabelSettings } from "./settings.js";

/** The settings among some options, with their defaults. @throws {AceError} ERR_CONFIG naming the one that does not fit. */
export function parseLabelSettings(options: Partial<LabelSettings>): LabelSettings {
  const keys = Object.keys(LabelSettings.shape) as (keyof LabelSettings)[];
  const given = Object.fromEntries(keys.map((key) => [key, options[key]]));
  const result = LabelSettings.safeParse(defined(given));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new AceError("ERR_CONFIG", `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "does not fit"}`);
}
