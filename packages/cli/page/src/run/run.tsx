import type { JSX } from "preact";
import type { RunView } from "../../../src/studio/api.js";
import { Card, Failure, Loading } from "../parts/parts.js";
import { useAnswer } from "../tools/use-answer.js";

/** One run, while it trains and afterwards. */
export function Run({ words }: { words: Readonly<Record<string, string>> }): JSX.Element {
  const { answer, error } = useAnswer<RunView>("runs/view", { path: words["path"] ?? "" }, 1000);
  if (answer === undefined) return error === undefined ? <Loading /> : <Failure error={error} />;
  return <Card title={answer.run.path}>{answer.run.status}</Card>;
}
