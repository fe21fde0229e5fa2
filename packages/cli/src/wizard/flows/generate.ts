import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { GenerateSettings } from "@acewright/trainer";
import { freeName } from "../../free-name.js";
import { begin, beginStep, settingSteps, type Job } from "../begin.js";
import { modelStep, newPathProblem } from "../places.js";
import { back, type Back } from "../questions.js";
import type { FlowName } from "../flow-names.js";
import type { Tools } from "../tools.js";
import { walk, type Step } from "../walk.js";

const endings = /\.(wav|flac)$/i;

/** A song, with or without an adapter. */
export async function generateFlow(tools: Tools): Promise<Back | readonly FlowName[]> {
  const { questions, answers } = tools;
  const job: Job = { schema: GenerateSettings, choice: {}, beside: { caption: "?" }, values: {} };
  const places = {
    adapter: existsSync(join(answers.run, "final")) ? answers.run : "",
    song: freeName("song", ".wav"),
  };
  const adapter: Step = async () => {
    const path = await questions.path({
      message: "Which adapter (a run, a folder or a file)? Empty: none",
      initial: places.adapter,
      check: (typed) => (typed === "" || existsSync(resolve(typed)) ? undefined : `${typed} does not exist`),
    });
    if (path === back) return back;
    places.adapter = path;
    return undefined;
  };
  const caption: Step = async () => {
    const before = job.values["caption"];
    const typed = await questions.text({
      message: "What shall be played? Begin with the adapter's trigger word",
      ...(typeof before === "string" && { kept: before }),
      check: (text) => (text === "" && before === undefined ? "a caption is needed" : undefined),
    });
    if (typed === back) return back;
    job.values = { ...job.values, caption: typed };
    return undefined;
  };
  const song: Step = async () => {
    const path = await questions.path({
      message: "Which file shall the song be written to?",
      initial: places.song,
      check: (typed) =>
        newPathProblem(typed) ??
        (existsSync(resolve(typed)) ? `${typed} is there already; choose another name` : undefined) ??
        (endings.test(typed) ? undefined : "a name that ends in .wav or .flac is needed"),
    });
    if (path === back) return back;
    places.song = path;
    return undefined;
  };
  const { step, outcome } = beginStep(() => {
    const use = places.adapter === "" ? [] : ["-a", places.adapter];
    return begin(tools, job, ["generate", "-m", answers.model, ...use, "-o", places.song], ["export"]);
  });
  const asked = settingSteps(tools, job, ["lyrics", "durationS"]);
  return (await walk([modelStep(tools), adapter, caption, ...asked, song, step])) ?? outcome();
}
