import { AceError, AudioTokenizer, openDevice } from "@acewright/core-native";
import { decodeAudio } from "../audio/decode.js";
import type { ModelFolders } from "../encoders/model-folders.js";
import { VaeEncoder } from "../encoders/vae.js";
import { fileSha256, folderFingerprint, textSha256 } from "../fingerprint.js";
import type { EncoderDevice } from "../onnx/execution-device.js";
import type { TensorFolder } from "../tensors/open-tensors.js";
import type { SilenceLatent } from "../torch-file/silence-latent.js";
import { readSilenceLatent, silenceFrames } from "../torch-file/silence-latent.js";

/** Latent frames of one code: five codes a second. */
export const framesPerCode = 5;
const codesPerSecond = 5;
/** Frames tokenized at once; codes do not see each other, so any multiple of five gives the same ones. */
const pieceFrames = 1500;
/** Below this every sample is silence (as upstream decides it). */
const silenceLevel = 1e-6;

export interface AudioCodesOptions {
  readonly folders: ModelFolders;
  readonly device: EncoderDevice;
  readonly threads?: number | undefined;
  /** Songs whose latents are made already. */
  readonly tensors?: TensorFolder | undefined;
}

export interface SongCodesRequest {
  /** The song's name in the tensor folder. */
  readonly tensorId?: string | undefined;
  readonly mostCodes: number;
  readonly signal?: AbortSignal | undefined;
  readonly onFraction?: ((fraction: number) => void) | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** Audio to codes of the music model: latents of a tensor folder where they fit, else autoencoder, then audio tokenizer. */
export class AudioCodes {
  readonly #options: AudioCodesOptions;
  readonly #silence: SilenceLatent;
  readonly #print: string;
  readonly #vaePrint: string;
  #vae: VaeEncoder | undefined;
  #tokenizer: AudioTokenizer | undefined;

  /** Nothing is loaded yet. @throws {AceError} ERR_FILE, ERR_CHECKPOINT for folders that are no model's. */
  constructor(options: AudioCodesOptions) {
    this.#options = options;
    const { model, vae } = options.folders;
    this.#silence = readSilenceLatent(model);
    this.#vaePrint = folderFingerprint(vae, "diffusion_pytorch_model", ["config.json"]);
    this.#print = textSha256(this.#vaePrint + folderFingerprint(model, "model", ["config.json"]));
  }

  /** A word for the codes of a song; the same word, the same codes. */
  async key(audioFile: string, mostCodes: number, signal?: AbortSignal): Promise<string> {
    const tensors = this.#options.tensors?.folder ?? "";
    return textSha256(
      ["codes", await fileSha256(audioFile, signal), this.#print, String(mostCodes), tensors].join("\n"),
    );
  }

  /**
   * Codes of a song's beginning.
   *
   * @throws {AceError} ERR_FILE for audio that cannot be decoded, is silent, or shorter than one code.
   */
  async codes(audioFile: string, request: SongCodesRequest): Promise<number[]> {
    const { mostCodes, signal } = request;
    const latents =
      (await this.#storedLatents(audioFile, request)) ?? (await this.#encodedLatents(audioFile, request));
    const { channels } = this.#silence;
    const frames = latents.length / channels;
    if (frames < framesPerCode) {
      throw new AceError("ERR_FILE", `${audioFile}: has ${frames} latent frames, a code needs ${framesPerCode}; leave it out or take a longer cut`); // prettier-ignore
    }
    const tokenizer = (this.#tokenizer ??= await this.#openTokenizer());
    const filling = silenceFrames(this.#silence, framesPerCode);
    const codes: number[] = [];
    for (let from = 0; from < frames && codes.length < mostCodes; from += pieceFrames) {
      signal?.throwIfAborted();
      const to = Math.min(frames, from + pieceFrames);
      const piece = await tokenizer.tokenize(latents.slice(from * channels, to * channels), filling);
      codes.push(...piece.codes);
    }
    if (codes.length > mostCodes) {
      request.onWarning?.(
        `the first ${Math.floor(mostCodes / codesPerSecond)} s are described: the context holds ${mostCodes} codes, the song has more`,
      );
    }
    return codes.slice(0, mostCodes);
  }

  async close(): Promise<void> {
    await this.#vae?.close();
    this.#tokenizer?.close();
    this.#vae = undefined;
    this.#tokenizer = undefined;
  }

  #openTokenizer(): Promise<AudioTokenizer> {
    const { device, threads, folders } = this.#options;
    const native = openDevice(device.name, threads === undefined ? {} : { threads });
    return AudioTokenizer.open(folders.model, { device: native });
  }

  /** Latents of the same audio and autoencoder, from its beginning to its end and at its own level. */
  async #storedLatents(audioFile: string, request: SongCodesRequest): Promise<Float32Array | undefined> {
    const { tensors } = this.#options;
    if (tensors === undefined) return undefined;
    const stored = tensors.samples.find(({ id }) => id === request.tensorId);
    if (stored !== undefined) {
      const { latents, metadata } = await tensors.read(stored);
      const { recipe, source } = metadata;
      // Neither cut, nor a variant, nor at another level.
      const isAsItIs = ["maxDurationS", "piece", "level"].every((key) => recipe[key] === undefined);
      if (
        isAsItIs &&
        recipe["vae"] === this.#vaePrint &&
        source.sha256 === (await fileSha256(audioFile, request.signal))
      )
        return latents;
    }
    request.onWarning?.(`${tensors.folder} has no latents of the whole song as it is; it is encoded again`);
    return undefined;
  }

  async #encodedLatents(audioFile: string, request: SongCodesRequest): Promise<Float32Array> {
    const { device, threads, folders } = this.#options;
    const { mostCodes, signal, onFraction, onWarning } = request;
    const audio = await decodeAudio(audioFile, {
      // One code more than is kept tells that the song goes on.
      maxDurationS: (mostCodes + 1) / codesPerSecond,
      ...(signal === undefined ? {} : { signal }),
    });
    for (const message of audio.warnings) onWarning?.(message);
    if (audio.channels.every((channel) => channel.every((sample) => Math.abs(sample) < silenceLevel))) {
      throw new AceError(
        "ERR_FILE",
        `${audioFile}: is silent from end to end; leave it out or export it again`,
      );
    }
    this.#vae ??= await VaeEncoder.open(folders.vae, { device, threads });
    const { mean } = await this.#vae.encode(audio.channels, {
      ...(signal === undefined ? {} : { signal }),
      onProgress: (done, total) => onFraction?.(done / total),
    });
    return mean;
  }
}
