import type * as z from "zod";
import { schemaNode, taggedUnion, withoutNull, type PlainNode, type SchemaNode } from "./node.js";

/** One thing a user can set, and the flag it has on a command line. */
export interface SchemaField {
  /** Its flag, without the dashes: `learning-rate`. */
  readonly name: string;
  /** Keys from the top: `["adapter", "rank"]`. */
  readonly path: readonly string[];
  /** The value's schema; for several members of a union, the first one's. */
  readonly node: PlainNode;
  /** The members of a tagged union that have this field; empty where it is not in one. */
  readonly members: readonly FieldMember[];
  /** How many members the union has. */
  readonly memberCount: number;
  /** It must be given, in an object or in the union's member. */
  readonly required: boolean;
}

export interface FieldMember {
  /** The tag's value, e.g. `lokr`. */
  readonly tag: string;
  readonly node: PlainNode;
}

export interface FieldChoice {
  /** Top-level fields to leave out, such as those that a command takes in another way. */
  readonly omit?: readonly string[];
}

/** The member of a tagged union that is being walked. */
interface Within {
  readonly tags: readonly string[];
  readonly memberCount: number;
}

/**
 * Every field of a schema, flattened in its order: what flags, help, docs, the wizard and errors are derived from. Its name
 * is the field's `.meta({ flag })`, else the path in kebab case; a tagged union's tag goes under the name of the union.
 */
export function fieldsOf(schema: z.ZodType | SchemaNode, choice: FieldChoice = {}): SchemaField[] {
  const fields = new Map<string, SchemaField>();
  const add = (flag: SchemaField): void => {
    const known = fields.get(flag.name);
    if (known === undefined) fields.set(flag.name, flag);
    else if (known.path.join(".") === flag.path.join(".")) {
      fields.set(flag.name, { ...known, members: [...known.members, ...flag.members] });
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
        add({
          name: nameOf(at, child),
          path: [...at, union.key],
          node: tagNode(child, union),
          members: [],
          memberCount: 0,
          required: false,
        });
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
          required: node.required?.includes(key) === true && child.default === undefined,
        });
      }
    }
  };
  walk("_zod" in schema ? schemaNode(schema) : schema, [], { tags: [], memberCount: 0 });
  return [...fields.values()];
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
