import { back, type Back, type Choice, type Questions } from "../questions.js";
import { fitWidth } from "../../render/text-width.js";
import { askSetting, type Judge } from "./ask-setting.js";
import { isEqual, settingsOf, textOf, valueAt, type Setting, type Values } from "../../choices/values.js";

const done = "done";

/** A list of settings with their values, from which one after the other may be changed. */
export async function editSettings(
  questions: Questions,
  title: string,
  { values, judge, takes, keep }: EditedSettings,
): Promise<Back | undefined> {
  let now = values;
  for (;;) {
    const shown = settingsOf(judge.schema, now).filter(takes);
    const choices: Choice[] = [{ value: done, label: "  go on" }, ...shown.map((one) => choiceOf(one, now))];
    const chosen = await questions.search(`${title}: choose what to change`, choices);
    if (chosen === back) return back;
    if (chosen === done) return undefined;
    const setting = shown.find(({ path }) => path.join(".") === chosen);
    if (setting === undefined) continue;
    const answer = await askSetting(questions, setting, now, judge);
    if (answer === back) continue;
    now = answer;
    keep(now);
  }
}

export interface EditedSettings {
  readonly values: Values;
  readonly judge: Judge;
  /** Which of the schema's settings are in the list. */
  readonly takes: (setting: Setting) => boolean;
  /** Given the values after each change, so that going back loses none. */
  readonly keep: (values: Values) => void;
}

function choiceOf(setting: Setting, values: Values): Choice {
  const { path, name, fallback, node } = setting;
  const value = valueAt(values, path);
  const isOwn = value !== undefined && !isEqual(value, fallback);
  const shown = textOf(value ?? fallback);
  return {
    value: path.join("."),
    name,
    label: `${isOwn ? "*" : " "} ${name.padEnd(24)} ${fitWidth(shown === "" ? "-" : shown, 40)}`,
    ...(node.description !== undefined && { hint: fitWidth(node.description, 60) }),
  };
}
