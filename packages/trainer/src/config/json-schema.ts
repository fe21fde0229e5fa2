import * as z from "zod";
import { TrainConfig } from "./train-config.js";

/** The part of JSON Schema that our schemas use. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly oneOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  /** Name of the command line's flag. */
  readonly flag?: string;
}

/** A zod schema as JSON schema (draft 2020-12) of what a user may write. */
export function jsonSchemaOf(type: z.ZodType): JsonSchema {
  return z.toJSONSchema(type, { io: "input" }) as JsonSchema;
}

/**
 * JSON schema of {@link TrainConfig}; flags, help and docs are derived from it. `flag` beside a field is the name of its
 * command line flag.
 */
export function trainConfigSchema(): JsonSchema {
  return jsonSchemaOf(TrainConfig);
}

/** One thing a user can set, with its place in the configuration. */
export interface ConfigField {
  /** Keys from the top, such as `["adapter", "rank"]`. */
  readonly path: readonly string[];
  /** Name of the command line's flag, without dashes. */
  readonly flag: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
  /** For a field of the adapter: the kinds that have it. */
  readonly kinds?: readonly string[];
}

/** Every field of a schema, flattened in its order; `environment` is a run's own and left out. */
export function fieldsOf(schema: JsonSchema): readonly ConfigField[] {
  const fields = new Map<string, ConfigField>();
  collect(schema, [], undefined, fields);
  return [...fields.values()];
}

/** Every field of {@link TrainConfig}. */
export function configFields(): readonly ConfigField[] {
  return fieldsOf(trainConfigSchema());
}

function collect(
  schema: JsonSchema,
  path: readonly string[],
  kind: string | undefined,
  into: Map<string, ConfigField>,
): void {
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (path.length === 0 && name === "environment") continue;
    const here = [...path, name];
    if (property.oneOf !== undefined) {
      const kinds = property.oneOf.map((variant) => String(variant.properties?.["kind"]?.const));
      const chosen = (property.default as { readonly kind?: string } | undefined)?.kind;
      const choice = { description: property.description, enum: kinds, default: chosen, flag: property.flag };
      add(into, [...here, "kind"], { type: "string", ...defined(choice) }, false, undefined);
      property.oneOf.forEach((variant, i) => {
        collect(variant, here, kinds[i], into);
      });
    } else if (property.properties !== undefined) {
      collect(property, here, kind, into);
    } else {
      const required = schema.required?.includes(name) === true && property.default === undefined;
      if (name === "kind" && kind !== undefined) continue;
      add(into, here, property, required, kind);
    }
  }
}

function add(
  into: Map<string, ConfigField>,
  path: readonly string[],
  schema: JsonSchema,
  required: boolean,
  kind: string | undefined,
): void {
  const key = path.join(".");
  const before = into.get(key);
  const kinds = kind === undefined ? undefined : [...(before?.kinds ?? []), kind];
  const flag = schema.flag ?? path.join("-").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  into.set(key, { path, flag, schema, required, ...(kinds && { kinds }) });
}

function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** What a field takes, in words: `a whole number from 1 to 4096`. */
export function expectedOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return `one of ${schema.enum.map(String).join(", ")}`;
  switch (schema.type) {
    case "integer":
      return `a whole number ${rangeOf(schema)}`;
    case "number":
      return `a number ${rangeOf(schema)}`;
    case "boolean":
      return "true or false";
    case "array":
      return `a list, each entry ${expectedOf(schema.items ?? {})}`;
    case "string":
      return schema.pattern === undefined
        ? "a text"
        : `a text such as ${schema.description ?? schema.pattern}`;
    case "object":
      return "an object";
    case undefined:
    default:
      return schema.description ?? "another value";
  }
}

function rangeOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  const low = minimum ?? exclusiveMinimum;
  const high = maximum ?? exclusiveMaximum;
  if (minimum !== undefined && maximum !== undefined) return `from ${minimum} to ${maximum}`;
  const from = low === undefined ? [] : [`${minimum === undefined ? "above" : "at least"} ${low}`];
  const to = high === undefined ? [] : [`${maximum === undefined ? "below" : "at most"} ${high}`];
  return [...from, ...to].join(" and ");
}
