import { listPresets } from "@acewright/trainer";
import { fileProblem, newPathProblem } from "../places.js";
import { back, type Back, type Questions } from "../questions.js";
import type { FlowName } from "../flow-names.js";
import type { Tools } from "../tools.js";

/** Looks at presets, takes one from a file, writes one to a file, deletes one. Saving is part of a training's review. */
export async function presetsFlow(tools: Tools): Promise<Back | readonly FlowName[]> {
  const { questions, work } = tools;
  for (;;) {
    const what = await questions.choose("Presets", [
      { value: "list", label: "list" },
      { value: "show", label: "show one" },
      { value: "import", label: "import from a file", hint: "ours or Side-Step's" },
      { value: "export", label: "export to a file" },
      { value: "remove", label: "delete one of yours" },
    ]);
    if (what === back) return back;
    const words = await presetWords(questions, what);
    if (words !== back) await work.run(["presets", what, ...words]);
  }
}

type What = "list" | "show" | "import" | "export" | "remove";

async function presetWords(questions: Questions, what: What): Promise<readonly string[] | Back> {
  if (what === "list") return [];
  if (what === "import") {
    const file = await questions.path({ message: "Which file?", check: fileProblem });
    return file === back ? back : [file];
  }
  const found = listPresets(() => undefined).filter(({ file }) => what !== "remove" || file !== undefined);
  if (found.length === 0) {
    questions.warn("there is no preset of your own");
    return back;
  }
  const choices = found.map(({ preset: { name, description } }) => ({
    value: name,
    label: name,
    hint: description,
  }));
  const name = await questions.search("Which preset?", choices);
  if (name === back) return back;
  if (what === "remove") return (await questions.yes(`Delete ${name}?`, false)) === true ? [name] : back;
  if (what === "show") return [name];
  const file = await questions.path({
    message: "Which file shall it be written to?",
    initial: `${name}.json`,
    check: newPathProblem,
  });
  return file === back ? back : [name, file];
}
