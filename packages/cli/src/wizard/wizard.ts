import type { Context, Person } from "../command.js";
import { exitCodes, failureOf } from "../failure.js";
import { Output } from "../output.js";
import { flows } from "./flows/flows.js";
import { settingValue } from "../settings/values.js";
import { back, Questions } from "./questions.js";
import { firstAnswers } from "./session.js";
import type { FlowName } from "./flow-names.js";
import type { Tools } from "./tools.js";
import { Work } from "./work.js";

const leave = "exit";

/** The way through Acewright by questions: a menu, and behind each entry what is asked for one command. */
export class Wizard {
  private readonly tools: Tools;

  constructor(
    private readonly context: Context,
    person: Person,
  ) {
    const output = new Output(context.terminal, { json: false, plain: false });
    const questions = new Questions(context, person, output);
    const work = new Work(context, person, output, questions);
    this.tools = { questions, work, answers: { ...firstAnswers }, output, context };
  }

  /** A settings file that is broken is told, and can be mended from the menu. */
  private takeSettings(): void {
    const { answers, output, questions } = this.tools;
    try {
      answers.checkpoints = output.path(settingValue("models").value);
      answers.runs = output.path(settingValue("runs").value ?? firstAnswers.runs);
    } catch (error) {
      questions.fail(`error: ${failureOf(error).message}`);
    }
  }

  /** @returns the exit code: 0, or 130 where it was left by Ctrl-C */
  async run(): Promise<number> {
    const { questions } = this.tools;
    questions.begin("acewright: songs in, adapter and audio out");
    questions.say("Enter answers, Esc goes back one question, Ctrl-C in the menu leaves.");
    this.takeSettings();
    let at: FlowName | typeof leave = "train";
    for (;;) {
      const chosen = await questions.choose("What shall be done?", menu, at, "Ctrl-C: leave");
      if (chosen === back && !questions.leftByCtrlC) continue;
      if (chosen === back || chosen === leave) {
        questions.end("nothing is left running");
        return chosen === leave ? exitCodes.done : exitCodes.interrupted;
      }
      at = await this.through(chosen);
    }
  }

  /** One entry of the menu and what follows from it. @returns where the menu's cursor belongs then */
  private async through(first: FlowName): Promise<FlowName> {
    const { questions } = this.tools;
    let at = first;
    for (;;) {
      const next = await this.flow(at);
      const [mostly] = next;
      if (mostly === undefined) return at;
      const chosen = await questions.choose("What next?", [
        ...menu.filter(({ value }) => next.some((name) => name === value)),
        { value: leave, label: "to the menu" },
      ]);
      if (chosen === back || chosen === leave) return mostly;
      at = chosen;
    }
  }

  /** Whatever goes wrong in one entry is told, and the menu goes on. */
  private async flow(name: FlowName): Promise<readonly FlowName[]> {
    try {
      const next = await flows[name](this.tools);
      return next === back ? [] : next;
    } catch (error) {
      this.context.signal.throwIfAborted();
      this.tools.questions.fail(`error: ${failureOf(error).message}`);
      return [];
    }
  }
}

const menu: readonly {
  readonly value: FlowName | typeof leave;
  readonly label: string;
  readonly hint: string;
}[] = [
  { value: "train", label: "train", hint: "an adapter on preprocessed songs" },
  { value: "resume", label: "resume", hint: "go on with a run that was stopped" },
  { value: "dataset", label: "build a dataset", hint: "from a folder of songs" },
  { value: "check", label: "check a dataset", hint: "what would fail or spoil a training" },
  { value: "preprocess", label: "preprocess", hint: "songs to tensors, once" },
  { value: "estimate", label: "estimate", hint: "which modules the songs pull on" },
  { value: "generate", label: "generate", hint: "listen to an adapter" },
  { value: "export", label: "export", hint: "for other programs" },
  { value: "presets", label: "presets", hint: "settings to begin from" },
  { value: "runs", label: "runs", hint: "what was trained" },
  { value: "models", label: "models", hint: "download, check, try the toy" },
  { value: "settings", label: "settings", hint: "of this machine" },
  { value: "doctor", label: "doctor", hint: "is this machine ready?" },
  { value: leave, label: "exit", hint: "" },
];
