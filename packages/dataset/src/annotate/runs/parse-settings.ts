import { AceError } from "@acewright/core-native";
import type { z } from "zod";

/** @throws {AceError} ERR_CONFIG that names the setting. */
export function parseSettings<Value>(schema: z.ZodType<Value>, value: unknown): Value {
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw new AceError(
    "ERR_CONFIG",
    `${issue?.path.join(".") || "settings"}: ${issue?.message ?? "not valid"}`,
  );
}
