import { officialModels } from "@acewright/dataset";
import { emptyFolderProblem, folderProblem, newPathProblem } from "../places.js";
import { back, type Back } from "../questions.js";
import type { FlowName } from "../flow-names.js";
import type { Tools } from "../tools.js";

/** Brings models, checks them, or lays down the toy. */
export async function modelsFlow(tools: Tools): Promise<Back | readonly FlowName[]> {
  const { questions, work } = tools;
  for (;;) {
    const what = await questions.choose("Models", [
      { value: "list", label: "list" },
      { value: "download", label: "download one" },
      { value: "verify", label: "check those that are here" },
      { value: "toy", label: "write the toy model and its songs", hint: "small, to try things out" },
    ]);
    if (what === back) return back;
    const words = await modelWords(tools, what);
    if (words !== back) await work.run(["models", what, ...words]);
  }
}

async function modelWords(
  { questions, answers }: Tools,
  what: "list" | "download" | "verify" | "toy",
): Promise<readonly string[] | Back> {
  const names: string[] = [];
  if (what === "download") {
    const choices = officialModels.map(({ name, about }) => ({ value: name, label: name, hint: about }));
    const name = await questions.search("Which model?", choices);
    if (name === back) return back;
    names.push(name, "-o");
  }
  const check = {
    list: newPathProblem,
    verify: folderProblem,
    download: newPathProblem,
    toy: emptyFolderProblem,
  }[what];
  const folder = await questions.path({
    message: "Which folder of checkpoints?",
    initial: answers.checkpoints,
    check,
  });
  if (folder === back) return back;
  answers.checkpoints = folder;
  if (what !== "toy") return [...names, folder];
  const songs = await questions.path({
    message: "Which new folder shall its songs be written to?",
    initial: answers.songs,
    check: emptyFolderProblem,
  });
  if (songs === back) return back;
  answers.songs = songs;
  return [folder, "--songs", songs];
}

/** Is this machine ready? */
export async function doctorFlow({ work }: Tools): Promise<readonly FlowName[]> {
  await work.run(["doctor"]);
  return [];
}
