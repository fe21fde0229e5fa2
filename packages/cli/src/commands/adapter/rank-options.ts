import type { RankChoice, ReducedAdapter } from "@acewright/trainer";
import { AceError } from "@acewright/core-native";
import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import type { Output } from "../../output.js";

export interface RankWords {
  rank?: number;
  energy?: number;
}

/** `--rank` or `--energy`: how thin a change shall become. */
export function rankOptions(command: Command): Command {
  return command
    .addOption(
      new Option("-r, --rank <number>", "rank of every module").argParser(parseRank).conflicts("energy"),
    )
    .addOption(
      new Option(
        "--energy <share>",
        "smallest rank of each module that keeps this share of its sum of squares, e.g. 0.99",
      ).argParser(parseShare),
    );
}

export function rankChoice({ rank, energy }: RankWords): RankChoice | undefined {
  if (rank !== undefined) return { rank };
  return energy === undefined ? undefined : { energy };
}

export function requiredChoice(words: RankWords): RankChoice {
  const choice = rankChoice(words);
  if (choice === undefined)
    throw new AceError("ERR_CONFIG", "how thin the adapter shall be is missing; give --rank or --energy");
  return choice;
}

export function parseRank(text: string): number {
  const rank = Number(text);
  if (/^\d+$/.test(text) && rank >= 1 && rank <= 8192) return rank;
  throw new InvalidArgumentError("expected a whole number from 1 to 8192.");
}

function parseShare(text: string): number {
  const share = Number(text);
  if (text.trim() !== "" && share > 0 && share <= 1) return share;
  throw new InvalidArgumentError("expected a share above 0 and at most 1.");
}

/** What was written, in words. */
export function reducedLines(result: ReducedAdapter, output: Output): string {
  const ranks = result.modules.map(({ rank }) => rank);
  const [least, most] = [Math.min(...ranks), Math.max(...ranks)];
  return [
    `written: ${output.path(result.output)}`,
    `${ranks.length} modules of rank ${least === most ? String(least) : `${least} to ${most}`}`,
    `lost: ${(100 * result.relativeError).toPrecision(3)} % of the change`,
  ].join("\n");
}

/** A bar while a long work on modules goes on; it is gone where the work is interrupted. */
export async function withModuleBar<T>(
  output: Output,
  signal: AbortSignal,
  work: (listening: {
    readonly signal: AbortSignal;
    readonly onModule: (done: number, of: number) => void;
  }) => Promise<T>,
): Promise<T> {
  const bar = output.progress("modules", "module");
  const onModule = (done: number, of: number): void => {
    bar.update(done, of);
  };
  try {
    const result = await work({ signal, onModule });
    bar.finish();
    return result;
  } catch (error) {
    bar.clear();
    throw error;
  }
}
