import { withoutNull } from "@acewright/trainer";
import type { PlainNode, SchemaNode } from "@acewright/trainer";

/** The text as a value of the schema, or undefined where it is none. */
export function scalarOf(text: string, node: PlainNode): unknown {
  if (node.anyOf !== undefined) {
    const values = node.anyOf.map((option) => scalarOf(text, withoutNull(option)));
    return values.find((value) => value !== undefined);
  }
  if (node.type === "number" || node.type === "integer") {
    const value = Number(text);
    return text !== "" && Number.isFinite(value) && isInRange(value, node) ? value : undefined;
  }
  if (node.type === "boolean") return text === "true" ? true : text === "false" ? false : undefined;
  if (node.pattern !== undefined && !new RegExp(node.pattern).test(text)) return undefined;
  const allowed = node.enum ?? (node.const === undefined ? undefined : [node.const]);
  return allowed === undefined || allowed.includes(text) ? text : undefined;
}

function isInRange(value: number, node: SchemaNode): boolean {
  const { minimum = -Infinity, maximum = Infinity } = node;
  const { exclusiveMinimum = -Infinity, exclusiveMaximum = Infinity } = node;
  if (node.type === "integer" && !Number.isInteger(value)) return false;
  const within = value >= minimum && value <= maximum;
  return within && value > exclusiveMinimum && value < exclusiveMaximum;
}
