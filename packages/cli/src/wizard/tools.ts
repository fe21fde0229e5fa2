import type { Context } from "../command.js";
import type { Output } from "../output.js";
import type { FlowName } from "./flow-names.js";
import type { Back, Questions } from "./questions.js";
import type { Answers } from "./session.js";
import type { Work } from "./work.js";

/** What every part of the wizard works with. */
export interface Tools {
  readonly questions: Questions;
  readonly work: Work;
  readonly answers: Answers;
  readonly output: Output;
  readonly context: Context;
}

/** One entry of the menu: asks, works, and says what one mostly does next; nothing where it was left or went wrong. */
export type Flow = (tools: Tools) => Promise<Back | readonly FlowName[]>;
