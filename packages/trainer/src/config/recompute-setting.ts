import { recomputePolicies, type RecomputePolicy } from "@acewright/core-native";
import * as z from "zod";

type Part = Exclude<RecomputePolicy, (typeof recomputePolicies)[number]>;

// The pattern is what makes a text one of these; zod's type of a pattern is any text.
const part = z
  .string()
  .regex(/^(cheap|mlp|block):[1-9]\d{0,3}$/)
  .meta({ form: "cheap:N, mlp:N, block:N" }) as unknown as z.ZodType<Part, Part>;

/** What the backward pass computes again: `auto`, a policy, or a policy for the first N layers only. */
export const recomputeSetting = z
  .union([z.enum(["auto", ...recomputePolicies]), part])
  .default("auto")
  .meta({ flag: "recompute" });
