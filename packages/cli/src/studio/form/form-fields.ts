import { expectation, fieldsOf, withoutNull } from "@acewright/trainer";
import type { FieldChoice, PlainNode } from "@acewright/trainer";
import type { z } from "zod";
import { textOf } from "../../choices/values.js";
import type { Control, FieldFacts, FormField } from "../form-api.js";

/** The fields of a schema as the page draws them. */
export function formFields(schema: z.ZodType, choice: FieldChoice = {}): FormField[] {
  return fieldsOf(schema, choice).map((field) => {
    const { path, name, members, node } = field;
    const unit = unitOf(path.at(-1) ?? "");
    return {
      path: path.join("."),
      label: name.replaceAll("-", " "),
      ...(unit === undefined ? {} : { unit }),
      ...(members.length === 0 ? {} : { kindPath: [...path.slice(0, -1), "kind"].join(".") }),
      facts:
        members.length === 0
          ? { "": factsOf(node) }
          : Object.fromEntries(members.map((member) => [member.tag, factsOf(member.node)])),
    };
  });
}

function factsOf(node: PlainNode): FieldFacts {
  return {
    help: node.description ?? "",
    control: controlOf(node),
    choices: choicesOf(node),
    expects: expectation(node),
    fallback: textOf(node.default),
  };
}

/** More letters than one line shows are written in lines. */
const longestLine = 1000;

function controlOf(node: PlainNode): Control {
  if (node.type === "boolean") return "switch";
  if (node.enum !== undefined) return "choice";
  if (node.type === "number" || node.type === "integer") return "number";
  return (node.maxLength ?? 0) > longestLine ? "lines" : "text";
}

function choicesOf(node: PlainNode): string[] {
  const options = node.anyOf?.map(withoutNull) ?? [node];
  return options.flatMap((option) => (option.enum ?? []).map(String));
}

/** Where the name's ending is a unit, as in `durationS`, and the flag does not say it anyway, as `--crop-seconds` does. */
function unitOf(key: string): string | undefined {
  return /[a-z]S$/.test(key) ? "s" : undefined;
}
