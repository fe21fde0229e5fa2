import { PromptEncoder } from "../../encoders/prompt-encoder.js";
import { VaeEncoder } from "../../encoders/vae.js";
import { silenceFrames } from "../../torch-file/silence-latent.js";
import { wordingsOf } from "../../tensors/wordings.js";
import type { ConditionNetwork } from "../condition-network.js";
import { gaussians } from "../gaussian.js";
import type { PendingSong, PhaseContext } from "../phase.js";
import { plannedS } from "./disk-need.js";

const sampleRateHz = 48_000;
/** Two of the autoencoder's tiles, so that their overlap is in the figure. */
const measuredS = 12;

/** Networks, what they run on, and how to open the music model's. */
export type Networks = Pick<PhaseContext, "folders" | "device" | "silence" | "settings" | "signal"> & {
  readonly openConditionNetwork: (modelFolder: string) => Promise<ConditionNetwork>;
};

/** Seconds of work as measured here just now. */
interface Pace {
  /** To open the three networks. */
  readonly openS: number;
  /** For each second of audio that is encoded. */
  readonly latentsS: number;
  /** For each wording of each piece's prompt: the text encoder, and the condition encoder. */
  readonly promptS: number;
  readonly conditionS: number;
}

/**
 * Seconds the work will take about: each network works a moment on noise and on one song's words, one network after the
 * other. What an interrupted run left in parts is not taken off.
 */
export async function estimateS(pending: readonly PendingSong[], networks: Networks): Promise<number> {
  const [first] = pending;
  if (first === undefined) return 0;
  const { openS, latentsS, promptS, conditionS } = await measurePace(first, networks);
  const toEncode = pending.filter(({ reusable }) => reusable === undefined);
  const audioS = toEncode.reduce((sum, song) => sum + plannedS(song, networks.settings), 0);
  const wordings = pending.reduce(
    (sum, { prompt }) => sum + wordingsOf(prompt, networks.settings.fieldDropout).length,
    0,
  );
  return openS + audioS * latentsS + wordings * (promptS + conditionS);
}

async function measurePace(
  { prompt: { captions, ...metas } }: PendingSong,
  { folders, device, silence, signal, settings: { threads, conditioning }, openConditionNetwork }: Networks,
): Promise<Pace> {
  const openedMs = { sum: 0 };
  const open = async <Network>(make: () => Promise<Network>): Promise<Network> => {
    signal.throwIfAborted();
    const startMs = performance.now();
    const network = await make();
    openedMs.sum += performance.now() - startMs;
    return network;
  };
  const vae = await open(() => VaeEncoder.open(folders.vae, { device, threads }));
  let latentsS: number;
  try {
    const noise = gaussians("pace", measuredS * sampleRateHz).map((value) => 0.1 * value);
    await vae.encode([noise.subarray(0, sampleRateHz), noise.subarray(0, sampleRateHz)], { signal });
    latentsS = (await secondsOf(() => vae.encode([noise, noise], { signal }))) / measuredS;
  } finally {
    await vae.close();
  }
  const words = await open(() => PromptEncoder.open(folders.textEncoder, { device, threads }));
  let promptS: number;
  let encoded: Awaited<ReturnType<PromptEncoder["encode"]>>;
  try {
    const fields = { ...metas, caption: captions[0] ?? "", durationS: measuredS };
    encoded = await words.encode(fields, conditioning);
    promptS = await secondsOf(() => words.encode(fields, conditioning));
  } finally {
    await words.close();
  }
  const music = await open(() => openConditionNetwork(folders.model));
  try {
    const timbre = [silenceFrames(silence, music.config.timbreFrames)];
    const { text, textMask, lyrics, lyricMask } = encoded;
    const request = { text, textMask, lyrics, lyricMask, timbre };
    await music.encode(request);
    const conditionS = await secondsOf(() => music.encode(request));
    return { openS: openedMs.sum / 1000, latentsS, promptS, conditionS };
  } finally {
    music.close();
  }
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return (performance.now() - startMs) / 1000;
}
