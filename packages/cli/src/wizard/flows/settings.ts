import { back, type Back } from "../questions.js";
import type { Tools } from "../tools.js";
import { settingFacts } from "../../settings/facts.js";

/** What commands take on this machine where a line does not say it. */
export async function settingsFlow({ questions, work }: Tools): Promise<Back> {
  for (;;) {
    const what = await questions.choose("Settings", [
      { value: "show", label: "show" },
      { value: "set", label: "set one" },
      { value: "clear", label: "forget one" },
    ]);
    if (what === back) return back;
    if (what === "show") {
      await work.run(["settings", "show"]);
      continue;
    }
    const choices = settingFacts.map(({ key, about }) => ({ value: key, label: key, hint: about }));
    const key = await questions.search("Which setting?", choices);
    if (key === back) continue;
    const value = what === "clear" ? "" : await questions.text({ message: `${key}:`, check: needed });
    if (value !== back) await work.run(["settings", what, key, ...(what === "clear" ? [] : [value])]);
  }
}

function needed(text: string): string | undefined {
  return text === "" ? "a value is needed" : undefined;
}
