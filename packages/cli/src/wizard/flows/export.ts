import { adapterFormats } from "@acewright/trainer";
import type { AdapterFormat, RunSummary } from "@acewright/trainer";
import { exportLayouts } from "../../export-layouts.js";
import { beginStep } from "../begin.js";
import { emptyFolderProblem, newPathProblem } from "../places.js";
import { back, type Back } from "../questions.js";
import type { FlowName } from "../flow-names.js";
import type { Tools } from "../tools.js";
import { passed, walk, type Step } from "../walk.js";
import { runSteps } from "./pick-run.js";

/** A finished run's adapter in another program's layout. */
export async function exportFlow(tools: Tools): Promise<Back | readonly FlowName[]> {
  const { questions, answers, work } = tools;
  let run: RunSummary | undefined;
  let which = "final";
  let format: AdapterFormat = adapterFormats[0];
  let rank = "";
  let place: string | undefined;
  const isForeign = (layout: AdapterFormat): boolean =>
    !exportLayouts[layout].takes.includes(familyOf(run?.config.adapter.kind));

  const adapter: Step = async () => {
    if (run?.best === undefined) {
      which = "final";
      return passed;
    }
    const chosen = await questions.choose("Which adapter?", [
      { value: "final", label: "final", hint: `as it was after step ${run.step}` },
      { value: "best", label: "best", hint: `of step ${run.best.step}, loss ${run.best.loss.toFixed(4)}` },
    ]);
    if (chosen === back) return back;
    which = chosen;
    return undefined;
  };
  const layout: Step = async () => {
    // A LoRA has no place under LyCORIS' names; the other way round there is a nearest LoRA.
    const choices = adapterFormats
      .filter((value) => value !== "lycoris" || !isForeign(value))
      .map((value) => ({
        value,
        label: value,
        hint: `${exportLayouts[value].about}${isForeign(value) ? "; as the nearest LoRA" : ""}`,
      }));
    const own = [...choices].sort((a, b) => Number(isForeign(a.value)) - Number(isForeign(b.value)));
    const chosen = await questions.choose("Which layout?", own);
    if (chosen === back) return back;
    format = chosen;
    return undefined;
  };
  const nearest: Step = async () => {
    if (!isForeign(format)) {
      rank = "";
      return passed;
    }
    const typed = await questions.text({
      message: "Rank of the LoRA that comes nearest to it?",
      kept: rank === "" ? "64" : rank,
      check: (text) => (/^([1-9]\d*)?$/.test(text) ? undefined : "a whole number from 1 is needed"),
    });
    if (typed === back) return back;
    rank = typed;
    return undefined;
  };
  const where: Step = async () => {
    const isFolder = format === "peft" || format === "merged";
    const path = await questions.path({
      message: `Which new folder${isFolder ? "" : " or .safetensors file"} shall it be written to?`,
      initial: place ?? `my-style${exportLayouts[format].ending}`,
      check: (typed) =>
        typed.endsWith(".safetensors") && !isFolder ? newPathProblem(typed) : emptyFolderProblem(typed),
    });
    if (path === back) return back;
    place = path;
    return undefined;
  };
  const { step, outcome } = beginStep(async () => {
    const chosen = [
      ...(which === "final" ? [] : ["--which", which]),
      ...(rank === "" ? [] : ["--as-lora", rank]),
    ];
    await work.run(["export", answers.run, "-f", format, ...chosen, "-o", place ?? ""]);
    return [];
  });
  const picked = runSteps(
    tools,
    "Which run?",
    ({ final }) => final !== undefined,
    (chosen) => {
      run = chosen;
    },
  );
  return (await walk([...picked, adapter, layout, nearest, where, step])) ?? outcome();
}

function familyOf(kind: string | undefined): "lora" | "lycoris" {
  return kind === "lokr" || kind === "loha" ? "lycoris" : "lora";
}
