import type { Context, Person } from "../command.js";
import { exitCodes, failureOf } from "../failure.js";
import type { Output } from "../output.js";
import { acewrightProgram } from "../program.js";
import type { Questions } from "./questions.js";
import type { FlowName } from "./flow-names.js";
import { shellLine } from "../choices/command-line.js";

/** Does what the answers come to: the commands themselves, in this process, their lines shown so that they are learnt. */
export class Work {
  constructor(
    private readonly context: Context,
    private readonly person: Person,
    private readonly output: Output,
    private readonly questions: Questions,
  ) {}

  /** Runs one command line; what went wrong is told in one line. */
  async run(words: readonly string[]): Promise<"done" | "interrupted" | "failed"> {
    const { colors } = this.output;
    this.questions.say(colors.dim(`$ acewright ${shellLine(words)}`));
    const outcome = await this.person.during(async (signals) => {
      try {
        await acewrightProgram({ ...this.context, ...signals }).parseAsync(words, { from: "user" });
        return signals.signal.aborted ? "interrupted" : undefined;
      } catch (error) {
        const { exitCode, message } = failureOf(error);
        return exitCode === exitCodes.interrupted ? "interrupted" : message;
      }
    });
    this.context.signal.throwIfAborted();
    if (outcome === undefined) return "done";
    if (outcome === "interrupted") {
      this.questions.warn("interrupted; what is done is kept");
      return outcome;
    }
    this.questions.fail(`error: ${outcome}`);
    return "failed";
  }

  /** Trains, and says what is mostly done next. */
  async train(words: readonly string[]): Promise<readonly FlowName[]> {
    const next = { done: ["generate", "export"], interrupted: ["resume"], failed: [] } as const;
    return next[await this.run(words)];
  }
}
