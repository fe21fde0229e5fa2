import {
  AceError,
  ConditionEncoder,
  fromFloat32,
  removeAbandonedFiles,
  writeSafetensors,
} from "@acewright/core-native";
import { join, resolve } from "node:path";
import { z } from "zod";
import type { LoadedDataset } from "../dataset-file/load-dataset.js";
import { loadDataset } from "../dataset-file/load-dataset.js";
import { readConfigFile } from "../encoders/config-file.js";
import type { ModelFolders } from "../encoders/model-folders.js";
import { resolveModelFolders } from "../encoders/model-folders.js";
import { fileSha256 } from "../fingerprint.js";
import { resolveEncoderDevice } from "../onnx/execution-device.js";
import { lookInto } from "../tensors/look.js";
import { openStore } from "../tensors/open-store.js";
import type { TensorMetadata } from "../tensors/tensor-file.js";
import type { StoredSong, TensorStore } from "../tensors/tensor-store.js";
import type { SilenceLatent } from "../torch-file/silence-latent.js";
import { readSilenceLatent } from "../torch-file/silence-latent.js";
import type { ConditionNetwork } from "./condition-network.js";
import { conditionsPhase } from "./conditions-phase.js";
import { refuseFullDisk } from "../disk-room.js";
import { diskNeed, diskRoom, plannedS } from "./plan/disk-need.js";
import { estimateS } from "./plan/measure-pace.js";
import type { PreprocessEvent } from "./events.js";
import { latentsPhase } from "./latents-phase.js";
import { ManifestKeeper } from "./manifest-keeper.js";
import { makeFolder, refuseForeignFolder } from "./output-folder.js";
import { PartFiles } from "./part-files.js";
import type { PendingSong, PhaseContext } from "./phase.js";
import { promptsPhase } from "./prompts-phase.js";
import type { NetworkPrints } from "./pending-songs.js";
import { networkPrints, songStates } from "./pending-songs.js";
import { canonical, defined } from "./recipe.js";
import type { PreprocessSettings } from "./settings.js";
import { parsePreprocessSettings } from "./settings.js";
import type { SongWork } from "./song-work.js";
import { songWorks } from "./song-work.js";

export interface PreprocessOptions extends Partial<PreprocessSettings> {
  /** Path of dataset.json. */
  readonly dataset: string;
  /** Folder the tensors go to; made when it is missing. */
  readonly output: string;
  /** Music model's folder in the official layout, or the folder that holds it. */
  readonly model: string;
  /** Folders that do not lie beside the music model. */
  readonly vae?: string;
  readonly textEncoder?: string;
  /** As of `loadDataset`. */
  readonly allowRoots?: readonly string[];
  /** Look and plan, write nothing: the last event is `planned`. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
  /** Opens the music model's condition encoder; default the native one on its own choice of device. */
  readonly openConditionNetwork?: (modelFolder: string) => Promise<ConditionNetwork>;
}

const silenceFile = "silence_latent.safetensors";

/** One run of {@link preprocess}. */
export class PreprocessRun {
  readonly #options: PreprocessOptions;
  readonly #settings: PreprocessSettings;
  readonly #signal: AbortSignal;
  readonly #emit: (event: PreprocessEvent) => void;
  readonly #output: string;
  #failed = 0;
  #skipped = 0;
  #made = 0;

  constructor(options: PreprocessOptions, signal: AbortSignal, emit: (event: PreprocessEvent) => void) {
    this.#options = options;
    this.#settings = parsePreprocessSettings(options);
    this.#signal = signal;
    this.#output = resolve(options.output);
    this.#emit = (event) => {
      if (event.type === "failed") this.#failed++;
      emit(event);
    };
  }

  async run(): Promise<void> {
    const { allowRoots, dataset, model, vae, textEncoder } = this.#options;
    refuseForeignFolder(this.#output);
    const loaded = await loadDataset(dataset, { missingAudio: "keep", ...defined({ allowRoots }) });
    if (loaded.songs.length === 0)
      throw new AceError("ERR_FILE", `${dataset}: lists no song; scan a folder that holds songs`);
    const folders = resolveModelFolders(model, { vae, textEncoder });
    const silence = readSilenceLatent(folders.model);
    const device = await resolveEncoderDevice(this.#settings.device);
    const { works, notes } = await songWorks(loaded.dataset, loaded.songs, this.#settings);
    const { name, reason } = device;
    const counts = { songs: loaded.songs.length, pieces: works.length };
    this.#emit({ type: "start", ...counts, device: name, deviceReason: reason });
    const remarks = [...loaded.warnings, ...(silence.warning === undefined ? [] : [silence.warning])];
    for (const message of remarks) this.#emit({ type: "warning", message });
    for (const note of notes) this.#emit({ type: "warning", ...note });

    const prints = networkPrints(folders, silence);
    if (this.#options.dryRun === true) {
      const pending = await this.#pendingSongs(works, prints, await lookInto(this.#output));
      const on = { folders, device, silence, settings: this.#settings, signal: this.#signal };
      const seconds = await estimateS(pending, { ...on, openConditionNetwork: this.#openNetwork });
      this.#plan(pending, folders, silence, seconds);
      return;
    }
    makeFolder(this.#output);
    removeAbandonedFiles(this.#output);
    const { shards } = this.#settings;
    const store = await openStore(
      this.#output,
      shards === undefined ? undefined : Math.round(shards * 2 ** 30),
    );
    try {
      const manifest = await this.#openManifest(loaded, folders, silence, store);
      const pending = await this.#pendingSongs(works, prints, store, (work, existing) => {
        keep(store, work, existing);
        manifest.take(existing.metadata.modelFingerprint, existing.content.width);
      });
      const { peakBytes, freeBytes } = this.#plan(pending, folders, silence);
      refuseFullDisk(this.#output, peakBytes, freeBytes);
      const parts = new PartFiles(this.#output);
      const context: PhaseContext = {
        settings: this.#settings,
        folders,
        device,
        silence,
        store,
        parts,
        signal: this.#signal,
        emit: this.#emit,
      };
      await this.#make(context, pending, manifest);
      manifest.finish(works.map(({ id }) => id));
      parts.clear();
    } finally {
      store.close();
    }
    const [made, skipped, failed] = [this.#made, this.#skipped, this.#failed];
    this.#emit({ type: "done", made, skipped, failed, folder: this.#output });
  }

  async #make(
    context: PhaseContext,
    pending: readonly PendingSong[],
    manifest: ManifestKeeper,
  ): Promise<void> {
    const encoded = await latentsPhase(context, pending);
    const prompted = await promptsPhase(context, encoded);
    if (prompted.length === 0) return;
    const network = await this.#openNetwork(context.folders.model);
    try {
      checkSizes(context.folders.model, network, context.silence);
      await conditionsPhase(context, prompted, network, (song, content, metadata) => {
        manifest.note(metadata.modelFingerprint, content.width);
        this.#made++;
        const tokens = content.conditions.map((condition) => condition.length / content.width);
        const { id, file } = song;
        this.#emit({ type: "made", id, file, frames: content.frames, durationS: metadata.durationS, tokens });
      });
    } finally {
      network.close();
    }
  }

  readonly #openNetwork = (modelFolder: string): Promise<ConditionNetwork> =>
    (this.#options.openConditionNetwork ?? ((folder) => ConditionEncoder.open(folder)))(modelFolder);

  #plan(
    pending: readonly PendingSong[],
    folders: ModelFolders,
    silence: SilenceLatent,
    seconds?: number,
  ): { readonly peakBytes: number; readonly freeBytes: number } {
    const toEncode = pending.filter(({ reusable }) => reusable === undefined);
    const audioS = toEncode.reduce((sum, song) => sum + plannedS(song, this.#settings), 0);
    const need = diskNeed(pending, { folders, silence, settings: this.#settings, signal: this.#signal });
    const room = { ...need, freeBytes: diskRoom(this.#output), ...defined({ seconds }) };
    const counts = { pending: pending.length, skipped: this.#skipped, failed: this.#failed };
    this.#emit({ type: "planned", ...counts, audioS, ...room });
    return room;
  }

  /** Tells what is already there, and returns the songs that are not. */
  async #pendingSongs(
    works: readonly SongWork[],
    prints: NetworkPrints,
    store: Pick<TensorStore, "find">,
    onValid?: (work: SongWork, existing: StoredSong) => void,
  ): Promise<PendingSong[]> {
    const pending: PendingSong[] = [];
    const told = new Set<AceError>();
    for await (const state of songStates(works, this.#settings, prints, store, this.#signal)) {
      const { id, file, audioFile } = state.work;
      switch (state.state) {
        case "failed":
          if (!told.has(state.error)) this.#emit({ type: "failed", id, audioFile, error: state.error });
          told.add(state.error);
          break;
        case "valid":
          onValid?.(state.work, state.existing);
          this.#skipped++;
          this.#emit({ type: "skipped", id, file });
          break;
        case "pending":
          if (state.reason !== undefined) this.#emit({ type: "stale", id, file, reason: state.reason });
          pending.push(state.work);
      }
    }
    return pending;
  }

  async #openManifest(
    { dataset }: LoadedDataset,
    folders: ModelFolders,
    silence: SilenceLatent,
    store: TensorStore,
  ): Promise<ManifestKeeper> {
    const tensor = fromFloat32(silence.latents, [silence.frames, silence.channels]);
    writeSafetensors(join(this.#output, silenceFile), { silence_latent: tensor });
    const config = readConfigFile(
      join(folders.model, "config.json"),
      z.object({ model_version: z.string().default("") }),
    );
    return new ManifestKeeper(store, {
      format: "acewright.tensors",
      modelName: config.model_version,
      conditioning: this.#settings.conditioning,
      channels: silence.channels,
      silence: { file: silenceFile, sha256: await fileSha256(join(this.#output, silenceFile)) },
      dataset: { ...dataset.metadata },
    });
  }
}

/** The three networks must speak of the same latents and token states. */
function checkSizes(model: string, { config }: ConditionNetwork, silence: SilenceLatent): void {
  if (config.latentChannels === silence.channels) return;
  throw new AceError(
    "ERR_CHECKPOINT",
    `${model}: the model has ${config.latentChannels} latent channels, its silence latent ${silence.channels}`,
  );
}

/** Lists tensors that are still right; they are written again only where the song's record says other things. */
function keep(store: TensorStore, work: SongWork, { sample, content, metadata }: StoredSong): void {
  if (sameRecord(metadata.sample, work.sample))
    store.keep({ ...sample, audioPath: work.audioFile, repeats: work.repeats });
  else store.put(content, { ...metadata, sample: work.sample }, work.repeats);
}

/** Whether two records of dataset.json tell the same; repeats stand in the manifest and need no file written again. */
function sameRecord(old: TensorMetadata["sample"], now: TensorMetadata["sample"]): boolean {
  return canonical({ ...old, repeat: undefined }) === canonical({ ...now, repeat: undefined });
}
