import type { Context, Person } from "../command.js";
import { exitCodes, failureOf } from "../failure.js";
import type { Output } from "../output.js";
import { acewrightProgram } from "../program.js";
import type { Questions } from "./questions.js";
import { shellLine } from "./settings/command-line.js";

/** Does what the answers come to: the commands themselves, in this process, their lines shown so that they are learnt. */
export class Work {
  constructor(
    private readonly context: Context,
    private readonly person: Person,
    private readonly output: Output,
    private readonly questions: Questions,
  ) {}

  /**
   * Runs one command line.
   *
   * @returns whether it came to its end; what went wrong is told in one line
   */
  async run(words: readonly string[]): Promise<boolean> {
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
    if (outcome === undefined) return true;
    if (outcome === "interrupted") this.questions.warn("interrupted; what is done is kept");
    else this.questions.fail(`error: ${outcome}`);
    return false;
  }
}
