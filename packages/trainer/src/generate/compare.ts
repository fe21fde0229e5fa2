import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { AceError, writeFileAtomic } from "@acewright/core-native";
import { audioContainer, integratedLoudness, resolveModelFolders, writeAudio } from "@acewright/dataset";
import { findAdapter, type RunAdapter } from "../export/find-adapter.js";
import { checkpointSteps, readRunConfig } from "../run/run-folder.js";
import { checkpointName, runPaths } from "../run/run-paths.js";
import { comparisonPage } from "./compare-page.js";
import type { ComparedSong, Comparison } from "./comparison.js";
import { planSongs, refuseExisting, slug, splitOptions, type GenerateWith } from "./generate.js";
import { matchLoudness, normalisePeak } from "./loudness.js";
import { decodeTakes, renderSongs, type RenderOptions, type Take } from "./render-songs.js";
import type { GenerateSettingsInput, PromptRow } from "./settings.js";

export interface CompareOptions
  extends Omit<GenerateWith, "adapters" | "model">, Omit<GenerateSettingsInput, "caption"> {
  readonly run: string;
  /** The run's own model by default. */
  readonly model?: string;
  readonly prompts: readonly PromptRow[];
  readonly seeds?: readonly number[];
  /** All checkpoints there are, the best and the final adapter by default. */
  readonly checkpoints?: readonly RunAdapter[];
  /** Also the model without an adapter; true by default. */
  readonly base?: boolean;
  readonly container?: "wav" | "flac";
  /** Folder for the songs, `index.json` and `index.html`. */
  readonly output: string;
  /** Whether a comparison in that folder may be replaced; default true. */
  readonly replace?: boolean;
}

/**
 * The same songs (words and seeds) by several checkpoints of a run and by the model without one, level-matched, with a page
 * to listen to them side by side. All voices of one song are in memory at a time.
 *
 * @throws {AceError} as `generate`; ERR_FILE when a checkpoint is not there, or a comparison is that may not be replaced.
 */
export async function compareCheckpoints(options: CompareOptions): Promise<Comparison> {
  const {
    run,
    prompts,
    seeds,
    checkpoints,
    base = true,
    container = "wav",
    output,
    replace = true,
    ...rest
  } = options;
  if (!replace) refuseExisting(["index.json", "index.html"].map((name) => join(output, name)));
  const model = options.model ?? readRunConfig(run).model;
  const [settings, others] = splitOptions({ ...rest, model });
  const songs = planSongs(prompts, settings, seeds);
  const [first] = songs;
  if (first === undefined) throw new AceError("ERR_CONFIG", "prompts: expected at least one song");
  audioContainer(`song.${container}`, first.format);
  const adapters = checkpoints ?? adaptersOf(run);
  for (const which of adapters) findAdapter(run, which); // told before an hour's work
  const voices = [
    ...(base ? [{ name: "base", uses: [] }] : []),
    ...adapters.map((which) => ({
      name: typeof which === "number" ? checkpointName(which) : which,
      uses: [{ path: run, scale: 1, which }],
    })),
  ];
  if (voices.length === 0) throw new AceError("ERR_CONFIG", "checkpoints: expected at least one");
  const { vae, textEncoder, signal, onProgress, onDevice } = others;
  const render: RenderOptions = {
    folders: resolveModelFolders(model, { vae, textEncoder }),
    songs,
    voices: voices.map(({ uses }) => uses),
    device: first.device,
    threads: first.threads,
    signal,
    onProgress,
    onDevice,
  };
  const rendered = await renderSongs(render);
  mkdirSync(output, { recursive: true });
  const names = voices.map(({ name }) => name);
  const compared: Comparison["songs"][number][] = [];
  let group: Decoded[] = [];
  for await (const decoded of decodeTakes(rendered.takes, render)) {
    group.push(decoded);
    if (group.length < voices.length) continue;
    compared.push(await writeGroup(group, names, output, container, signal));
    group = [];
  }
  const comparison = { run, model, voices: names, songs: compared, warnings: rendered.warnings };
  writeFileAtomic(join(output, "index.json"), `${JSON.stringify(comparison, null, 2)}\n`);
  writeFileAtomic(join(output, "index.html"), comparisonPage(comparison));
  return comparison;
}

interface Decoded {
  readonly take: Take;
  readonly wave: [Float32Array, Float32Array];
}

/** Makes one song's voices equally loud and writes them. */
async function writeGroup(
  group: readonly Decoded[],
  names: readonly string[],
  output: string,
  container: "wav" | "flac",
  signal: AbortSignal | undefined,
): Promise<Comparison["songs"][number]> {
  for (const { wave } of group) normalisePeak(wave);
  const gains = matchLoudness(
    group.map(({ wave }) => wave),
    48_000,
  );
  const takes: ComparedSong[] = [];
  for (const [index, { take, wave }] of group.entries()) {
    const voice = names[take.voice] ?? "";
    const { settings, tags, song } = take;
    const place = String(song + 1).padStart(2, "0");
    const file = `${place}-${slug(settings.caption)}-seed${settings.seed}-${voice}.${container}`;
    await writeAudio(join(output, file), wave, 48_000, { format: settings.format, tags, signal });
    const loudness = integratedLoudness(wave, 48_000);
    takes.push({
      voice,
      file,
      loudness: Number.isFinite(loudness) ? loudness : null,
      gain: gains[index] ?? 0,
    });
  }
  const [{ take }] = group as [Decoded, ...Decoded[]];
  return { settings: take.settings, takes };
}

function adaptersOf(run: string): RunAdapter[] {
  const { best, final } = runPaths(run);
  return [
    ...checkpointSteps(run).sort((a, b) => a - b),
    ...(existsSync(best) ? (["best"] as const) : []),
    ...(existsSync(final) ? (["final"] as const) : []),
  ];
}
