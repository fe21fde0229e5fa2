import { expectation } from "@acewright/trainer";
import { InvalidArgumentError } from "commander";
import type { z } from "zod";
import { helpText, readFlag } from "../../options-from-schema.js";
import { back, type Back, type Questions } from "../questions.js";
import {
  completed,
  isEqual,
  textOf,
  valueAt,
  withValue,
  type Setting,
  type Values,
} from "../../choices/values.js";

/** A schema and what must stand beside the settings that are asked, so that it can judge them. */
export interface Judge {
  readonly schema: z.ZodType;
  readonly beside: Values;
}

/** What takes a setting back to its default. */
const reset = "-";

/** Asks one setting, by its words, range and default in the schema; Enter alone keeps it as it is. */
export async function askSetting(
  questions: Questions,
  setting: Setting,
  values: Values,
  judge: Judge,
): Promise<Values | Back> {
  const { path, node, name, fallback } = setting;
  const before = valueAt(values, path);
  // A list would not do for a value that is one of some words or of another form, such as cuda:1.
  const either = node.anyOf === undefined ? "" : `: ${expectation(node)}`;
  const message = `${name}: ${helpText(setting)}${either}`;
  const set = (value: unknown): Values =>
    completed(judge.schema, withValue(values, path, value === fallback ? undefined : value));
  if (node.type === "boolean") {
    const answer = await questions.yes(message, (before ?? fallback) === true);
    return answer === back ? back : set(answer);
  }
  if (node.enum !== undefined && fallback !== undefined) {
    const names = node.enum.map(String);
    const choices = names.map((value) => ({
      value,
      label: value,
      ...(value === fallback && { hint: "default" }),
    }));
    const answer = await questions.choose(message, choices, textOf(before ?? fallback));
    return answer === back ? back : set(answer);
  }
  const kept = textOf(before ?? fallback);
  const isOwn = before !== undefined && !isEqual(before, fallback);
  const answer = await questions.text({
    message: isOwn ? `${message}; ${reset} for the default` : message,
    kept,
    check: (text) => problemOf(setting, text, values, judge),
  });
  if (answer === back) return back;
  if (answer === kept) return values;
  return set(answer === "" || answer === reset ? undefined : readFlag(setting, answer));
}

/** What speaks against an answer: it cannot be read, or the schema refuses it with what is chosen beside it. */
export function problemOf(setting: Setting, text: string, values: Values, judge: Judge): string | undefined {
  if (text === "" || text === reset) return undefined;
  let value: unknown;
  try {
    value = readFlag(setting, text);
  } catch (error) {
    if (error instanceof InvalidArgumentError) return error.message;
    throw error;
  }
  const parsed = judge.schema.safeParse({ ...judge.beside, ...withValue(values, setting.path, value) });
  const at = setting.path.join(".");
  const issue = parsed.error?.issues.find(({ path }) => `${path.join(".")}.`.startsWith(`${at}.`));
  return issue && `${setting.name}: ${issue.message}`;
}
