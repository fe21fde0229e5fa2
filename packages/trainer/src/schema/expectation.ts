import { withoutNull, type SchemaNode } from "./node.js";

/** What a value must be, in words: `a whole number from 1 to 4096`, `one of a, b`. */
export function expectation(schema: SchemaNode): string {
  const node = withoutNull(schema);
  if (node.anyOf !== undefined) return node.anyOf.map(expectation).join(" or ");
  if (node.enum !== undefined) return `one of ${node.enum.map(String).join(", ")}`;
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.prefixItems !== undefined) return node.prefixItems.map(expectation).join(", then ");
  switch (node.type) {
    case "integer":
      return `a whole number ${range(node)}`.trim();
    case "number":
      return `a number ${range(node)}`.trim();
    case "boolean":
      return "true or false";
    case "array":
      return `a list, each entry ${expectation(node.items || {})}`;
    case "object":
      return typeof node.additionalProperties === "object"
        ? `names, each with ${expectation(node.additionalProperties)}`
        : "an object";
    case "string":
      return node.form ?? "a text";
    case undefined:
    default:
      return "a value";
  }
}

/** `from 1 to 4096`, `above 0 and at most 1`, `at least 2`; zod writes the limits of safe integers, which tell nobody anything. */
function range(node: SchemaNode): string {
  const told = (bound: number | undefined): number | undefined =>
    bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER ? bound : undefined;
  const [minimum, maximum] = [told(node.minimum), told(node.maximum)];
  const [above, below] = [told(node.exclusiveMinimum), told(node.exclusiveMaximum)];
  if (minimum !== undefined && maximum !== undefined && above === undefined && below === undefined)
    return `from ${minimum} to ${maximum}`;
  const low = above !== undefined ? [`above ${above}`] : minimum !== undefined ? [`at least ${minimum}`] : [];
  const high = below !== undefined ? [`below ${below}`] : maximum !== undefined ? [`at most ${maximum}`] : [];
  return [...low, ...high].join(" and ");
}
