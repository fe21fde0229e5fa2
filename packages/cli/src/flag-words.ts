import { fieldsOf, TrainConfig } from "@acewright/trainer";

/** Settings whose names no prose has by chance, and their flags: `batchSize` is `--batch-size`. */
const flags = new Map(
  fieldsOf(TrainConfig).flatMap(({ path, name }) => {
    const key = path.at(-1) ?? "";
    return /[a-z][A-Z]/.test(key) ? [[key, `--${name}`] as const] : [];
  }),
);

/**
 * The packages speak of settings by their names, a command line has flags for them. What is said of a JSON file stays: there
 * the name is what stands in it.
 */
export function withFlags(message: string): string {
  if (message.includes(".json")) return message;
  return message.replace(/(?<![\w.$"'`-])[a-z]+(?:[A-Z][a-z0-9]*)+(?![\w"'`=]|:\s)/g, (word) => {
    const flag = flags.get(word);
    return flag === undefined || message.includes(flag) ? word : flag;
  });
}
