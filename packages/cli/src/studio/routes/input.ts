import { AceError } from "@acewright/core-native";
import type { Context } from "hono";
import { z } from "zod";

/**
 * The body of a request.
 *
 * @throws {AceError} ERR_CONFIG naming the field that is wrong.
 */
export async function bodyOf<Schema extends z.ZodType>(c: Context, schema: Schema): Promise<z.infer<Schema>> {
  let json: unknown;
  try {
    json = await c.req.json();
  } catch (cause) {
    throw new AceError("ERR_CONFIG", "body: JSON was expected", { cause });
  }
  return checked(schema, json);
}

/** The words after the question mark. */
export function queryOf<Schema extends z.ZodType>(c: Context, schema: Schema): z.infer<Schema> {
  return checked(schema, c.req.query());
}

/** A byte offset or place in a list, as an address has it. */
export const Offset = z.coerce.number().int().min(0).default(0);

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown): z.infer<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new AceError("ERR_CONFIG", `${issue?.path.join(".") ?? "request"}: ${issue?.message ?? "not valid"}`);
}
