/**
 * Plans runs for the studio, one question at a time. A process of its own: what it holds of a card goes back with it, and what is
 * asked no more is ended with it, however deep in a measurement.
 */
import { cudaReport, openDevice } from "@acewright/core-native";
import { planRun, suggestSettings } from "@acewright/trainer";
import { failureOf } from "../../failure.js";
import type { Answers, Question, Said } from "./questions.js";

async function answerTo(question: Question): Promise<Answers[keyof Answers]> {
  switch (question.about) {
    case "plan":
      return await planRun(question.config, { measure: question.measure });
    case "suggestion": {
      const { settings, choices } = await suggestSettings(question.config);
      return { settings, choices };
    }
    case "device":
      return { device: openDevice("auto").info, cuda: cudaReport() };
  }
}

process.on("message", (question: Question) => {
  const say = (said: Said): void => {
    process.send?.(said);
  };
  answerTo(question).then(
    (answer) => {
      say({ answer });
    },
    (error: unknown) => {
      say({ failure: failureOf(error) });
    },
  );
});
// The studio has ended without a word.
process.on("disconnect", () => {
  process.exit();
});
