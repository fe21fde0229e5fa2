import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import type { z } from "zod";
import { expectation, fieldsOf, withoutNull } from "@acewright/trainer";
import type { FieldChoice, PlainNode, SchemaField, SchemaNode } from "@acewright/trainer";
import { scalarOf } from "./parse-value.js";
import { isSetting } from "./settings/schema.js";
import { takesSetting } from "./settings/apply.js";

/**
 * Gives a command one option for each field of a schema: name, help, default and range come from the schema alone.
 * Values are read with {@link givenOptions}; defaults are left to the schema, so that a file may stand between.
 */
export function optionsFromSchema(command: Command, schema: z.ZodType, choice: FieldChoice = {}): Command {
  for (const flag of fieldsOf(schema, choice)) {
    for (const option of optionsOf(flag)) {
      command.addOption(option.helpGroup(groupOf(flag)));
      if (isSetting(flag.name)) takesSetting(option, flag.name);
    }
  }
  return command;
}

/** Where a flag's value may come from: the command line, a variable of the environment, the settings file. */
export type GivenBy = "cli" | "env" | "config";

/** What the user gave, on the command line or by a setting, laid out like the schema. */
export function givenOptions(
  command: Command,
  schema: z.ZodType,
  choice: FieldChoice & { readonly by?: readonly GivenBy[] } = {},
): Record<string, unknown> {
  const by: readonly (string | undefined)[] = choice.by ?? ["cli", "env", "config"];
  const values: Record<string, unknown> = command.opts();
  const given: Record<string, unknown> = {};
  for (const flag of fieldsOf(schema, choice)) {
    const key = new Option(`--${flag.name}`).attributeName();
    if (by.includes(command.getOptionValueSource(key))) place(given, flag.path, values[key]);
  }
  return given;
}

function place(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [head, ...rest] = path;
  if (head === undefined) return;
  if (rest.length === 0) target[head] = value;
  else place((target[head] ??= {}) as Record<string, unknown>, rest, value);
}

function optionsOf(flag: SchemaField): Option[] {
  const { name, node } = flag;
  const help = helpText(flag);
  if (node.type === "boolean") {
    const on = new Option(`--${name}`, help);
    const off = new Option(`--no-${name}`, `not: ${node.description ?? ""}`);
    return node.default === true ? [on.hideHelp(), off] : [on, off.hideHelp()];
  }
  const option = new Option(`--${name} <${placeholder(node)}>`, help);
  if (node.type === "array") {
    return [
      option.argParser((text, before: unknown[] | undefined) => [
        ...(before ?? []),
        ...(readFlag(flag, text) as unknown[]),
      ]),
    ];
  }
  if (node.type === "object") {
    return [
      option.argParser((text, before: unknown) => ({
        ...(before as object | undefined),
        ...(readFlag(flag, text) as object),
      })),
    ];
  }
  return [option.argParser((text) => readFlag(flag, text))];
}

/**
 * The value that a text on the command line means.
 *
 * @throws {InvalidArgumentError} with what was expected.
 */
export function readFlag(flag: SchemaField, text: string): unknown {
  const { name, node } = flag;
  if (node.type === "array") {
    const itemNode = (i: number): SchemaNode => node.prefixItems?.[i] ?? (node.items || {});
    return text.split(",").map((item, i) => parseScalar(item, itemNode(i), name));
  }
  if (node.type === "object") return parsePairs(text, flag);
  return parseScalar(text, scalarNode(flag), name);
}

/** Flags of one nested object stand together in the help. */
function groupOf({ path }: SchemaField): string {
  const [parent = ""] = path.length > 1 ? path : ["settings"];
  return `${parent[0]?.toUpperCase() ?? ""}${parent.slice(1)}:`;
}

function placeholder(node: PlainNode): string {
  if (node.anyOf !== undefined) return node.anyOf.map(alternative).join("|");
  if (node.enum !== undefined) return node.enum.join("|");
  if (node.type === "number" || node.type === "integer") return "n";
  if (node.type === "array") return "a,b,...";
  if (node.type === "object") return "name=value,...";
  return "text";
}

/** `auto|cpu|cuda` or `cuda:N`, of a value that may be either. */
function alternative(node: SchemaNode): string {
  return node.form?.replaceAll(", ", "|") ?? placeholder(withoutNull(node));
}

/** Several members may bound a field differently: the flag takes what any of them takes, the schema decides. */
function scalarNode({ node, members }: SchemaField): PlainNode {
  return members.every((member) => expectation(member.node) === expectation(node))
    ? node
    : { type: node.type ?? "string" };
}

/** What a flag is for, what it takes and what it is where it is not given. */
export function helpText({ node, members, memberCount }: SchemaField): string {
  const description = node.description ?? "";
  const facts: string[] = [];
  const tags = members.map(({ tag }) => tag);
  if (tags.length < memberCount) facts.push(`${tags.join(", ")} only`);
  if (node.type === "number" || node.type === "integer") facts.push(expectation(node));
  const items = node.items || undefined;
  if (items?.enum !== undefined) facts.push(`of ${items.enum.join(", ")}`);
  facts.push(...defaultText({ node, members }));
  return facts.length === 0 ? description : `${description} (${facts.join("; ")})`;
}

function defaultText({ node, members }: Pick<SchemaField, "node" | "members">): string[] {
  const show = (value: unknown): string => (Array.isArray(value) ? value.join(",") : String(value));
  const defaults = new Map<string, string[]>();
  const sources = members.length === 0 ? [{ tag: "", node }] : members;
  for (const { tag, node: member } of sources) {
    const value = member.default;
    if (
      value === undefined ||
      value === null ||
      value === "" ||
      value === false ||
      (typeof value === "object" && !Array.isArray(value))
    )
      continue;
    defaults.set(show(value), [...(defaults.get(show(value)) ?? []), tag]);
  }
  if (defaults.size === 0) return [];
  const [[only] = [""]] = defaults;
  if (defaults.size === 1) return [`default ${only}`];
  return [`default ${[...defaults].map(([value, tags]) => `${value} for ${tags.join(", ")}`).join("; ")}`];
}

function parsePairs(text: string, { node, name }: SchemaField): Record<string, unknown> {
  const values = typeof node.additionalProperties === "object" ? node.additionalProperties : {};
  const pairs = text.split(",").map((pair) => {
    const split = pair.lastIndexOf("=");
    if (split < 1)
      throw new InvalidArgumentError(
        `expected NAME=VALUE pairs, each value ${expectation(values)}, got ${JSON.stringify(pair)}`,
      );
    return [pair.slice(0, split).trim(), parseScalar(pair.slice(split + 1), values, name)] as const;
  });
  return Object.fromEntries(pairs);
}

function parseScalar(text: string, schema: SchemaNode, name: string): unknown {
  const value = scalarOf(text.trim(), withoutNull(schema));
  if (value !== undefined) return value;
  throw new InvalidArgumentError(`--${name} takes ${expectation(schema)}, got ${JSON.stringify(text)}.`);
}
