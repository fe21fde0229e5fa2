import type { z } from "zod";
import { schemaNode, taggedUnion, withoutNull } from "./json-schema.js";
import type { PlainNode, SchemaNode } from "./json-schema.js";

/** One flag of a command, derived from one place of a schema. */
export interface Flag {
  /** Without the dashes: `learning-rate`. */
  readonly name: string;
  /** Where the value goes in the configuration: `["adapter", "rank"]`. */
  readonly path: readonly string[];
  /** The value's schema; for several members of a union, the first one's. */
  readonly node: PlainNode;
  /** The members of a tagged union that have this field; empty where it is not in one. */
  readonly members: readonly FlagMember[];
  /** How many members the union has. */
  readonly memberCount: number;
}

export interface FlagMember {
  /** The tag's value, e.g. `lokr`. */
  readonly tag: string;
  readonly node: PlainNode;
}

export interface FlagChoice {
  /** Top-level fields that are no flags, because the command takes them in another way. */
  readonly omit?: readonly string[];
}

/** The member of a tagged union that is being walked. */
interface Within {
  readonly tags: readonly string[];
  readonly memberCount: number;
}

const nowhere = { members: [], memberCount: 0 } as const;

/**
 * Every field of a schema as a flag. Its name is the field's `.meta({ flag })`, else the path in kebab case; a tagged
 * union's tag goes under the name of the union.
 */
export function flagsOf(schema: z.ZodType, choice: FlagChoice = {}): Flag[] {
  const flags = new Map<string, Flag>();
  const add = (flag: Flag): void => {
    const known = flags.get(flag.name);
    if (known === undefined) flags.set(flag.name, flag);
    else if (known.path.join(".") === flag.path.join(".")) {
      flags.set(flag.name, { ...known, members: [...known.members, ...flag.members] });
    } else
      throw new Error(
        `two fields want the flag --${flag.name}: ${known.path.join(".")}, ${flag.path.join(".")}`,
      );
  };
  const walk = (node: SchemaNode, path: readonly string[], within: Within): void => {
    for (const [key, raw] of Object.entries(node.properties ?? {})) {
      if (path.length === 0 && choice.omit?.includes(key) === true) continue;
      const child: PlainNode = withoutNull(raw);
      const at = [...path, key];
      const union = taggedUnion(child);
      if (union !== undefined) {
        add({ name: nameOf(at, child), path: [...at, union.key], node: tagNode(child, union), ...nowhere });
        const memberCount = union.members.length;
        for (const { node: inside, values } of union.members) {
          walk(without(inside, union.key), at, { tags: values, memberCount });
        }
      } else if (child.properties !== undefined) {
        walk(child, at, within);
      } else {
        add({
          name: nameOf(at, child),
          path: at,
          node: child,
          members: within.tags.map((tag) => ({ tag, node: child })),
          memberCount: within.memberCount,
        });
      }
    }
  };
  walk(schemaNode(schema), [], { tags: [], memberCount: 0 });
  return [...flags.values()];
}

/** The tag as a value of its own: all tags, the union's description, the default's tag. */
function tagNode(union: PlainNode, { key, members }: NonNullable<ReturnType<typeof taggedUnion>>): PlainNode {
  const chosen = (union.default as Record<string, unknown> | undefined)?.[key];
  return {
    type: "string",
    enum: members.flatMap(({ values }) => values),
    ...(union.description === undefined ? {} : { description: union.description }),
    ...(chosen === undefined ? {} : { default: chosen }),
  };
}

function without(node: SchemaNode, key: string): SchemaNode {
  return {
    ...node,
    properties: Object.fromEntries(Object.entries(node.properties ?? {}).filter(([k]) => k !== key)),
  };
}

function nameOf(path: readonly string[], { flag }: PlainNode): string {
  const kebab = (part: string): string =>
    part.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).replaceAll("_", "-");
  return flag ?? path.map(kebab).join("-");
}

/** `integer ≥ 1`, `0 to 1`, `one of a, b`: what a value must be, in words. */
export function expectation(schema: SchemaNode): string {
  const node = withoutNull(schema);
  if (node.anyOf !== undefined) return node.anyOf.map(expectation).join(" or ");
  if (node.enum !== undefined) return `one of ${node.enum.join(", ")}`;
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.type === "number" || node.type === "integer") return `${node.type} ${range(node)}`.trim();
  if (node.type === "boolean") return "true or false";
  if (node.prefixItems !== undefined) return node.prefixItems.map(expectation).join(", then ");
  if (node.type === "array") return `list of ${node.items ? expectation(node.items) : "values"}`;
  if (node.type === "object" && typeof node.additionalProperties === "object") {
    return `NAME=VALUE pairs, each value ${expectation(node.additionalProperties)}`;
  }
  return node.type === "string" ? "text" : (node.type ?? "value");
}

function range({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: SchemaNode): string {
  // zod writes the limits of safe integers; they tell a user nothing.
  const isLimit = (value: number): boolean => Math.abs(value) >= Number.MAX_SAFE_INTEGER;
  const parts: string[] = [];
  if (exclusiveMinimum !== undefined && !isLimit(exclusiveMinimum)) parts.push(`> ${exclusiveMinimum}`);
  else if (minimum !== undefined && !isLimit(minimum)) parts.push(`≥ ${minimum}`);
  if (exclusiveMaximum !== undefined && !isLimit(exclusiveMaximum)) parts.push(`< ${exclusiveMaximum}`);
  else if (maximum !== undefined && !isLimit(maximum)) parts.push(`≤ ${maximum}`);
  return parts.join(" and ");
}
