/** Every way Acewright refuses. `docs/errors.md` is generated from this table. */
export const errors = {
  ERR_CONFIG: "The configuration is not valid.",
  ERR_FILE: "A file is missing, unreadable, truncated or not what its name says.",
  ERR_CHECKPOINT: "A weight is missing, unexpected, or has another shape.",
  ERR_SHAPE: "Two tensors do not fit.",
  ERR_OUT_OF_MEMORY: "The device has no room; the message says how much was asked and what would fit.",
  ERR_DEVICE: "The device or dtype asked for is not available here.",
  ERR_SERVICE: "A service on the network refused, failed, or answered what is no answer.",
  ERR_TRAINING: "Training diverged or came to nothing; the message says at which step and on which songs.",
  ERR_DISPOSED: "The object was used after it was closed.",
  ERR_INTERNAL: "A fault of ours; please report it.",
} as const;

export type AceErrorCode = keyof typeof errors;

/** What usually mends each, beside what the message itself says; commands are those of the command line. */
export const advice: Readonly<Record<AceErrorCode, string>> = {
  ERR_CONFIG:
    "Correct the setting the message names; `acewright COMMAND --help` shows what each takes, `acewright config schema` lets an editor check a file.",
  ERR_FILE:
    "Look at the path the message names. `acewright dataset check` looks through songs, `acewright tensors inspect` through tensors; what is damaged is made again by `acewright preprocess`.",
  ERR_CHECKPOINT:
    "`acewright models verify --hashes` tells which part is damaged, `acewright models download` brings it again; for an adapter, `acewright adapter check` tells which models it fits.",
  ERR_SHAPE:
    "Two things that were not made for each other: make the tensors again with the model you train on, and use an adapter with the model it was trained on.",
  ERR_OUT_OF_MEMORY:
    "`acewright plan` tells where the memory goes. Smaller are: --recompute block, --batch-size 1 with more --gradient-accumulation, a lower --rank, --crop-seconds, --optimizer adamw8bit. Close other programs.",
  ERR_DEVICE:
    "`acewright doctor` tells which devices there are and what is missing; --device cpu works everywhere.",
  ERR_SERVICE:
    "Try again later: what was brought or answered is kept. Look at the key in the environment, the address (`acewright settings show`) and the network.",
  ERR_TRAINING:
    "Lower the learning rate (`acewright find-lr` looks for one), look at the songs with `acewright dataset check`, and resume from the last checkpoint with `acewright train --resume RUN`.",
  ERR_DISPOSED: "In your own program: keep the object open until its last call has ended.",
  ERR_INTERNAL:
    "Run it again with ACEWRIGHT_DEBUG=1 and report what is printed, with the output of `acewright doctor --json`.",
};

/** The one error type of all packages. `code` is stable, `message` says what, where and how to mend it. */
export class AceError extends Error {
  readonly code: AceErrorCode;
  constructor(code: AceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AceError";
    this.code = code;
  }
  /** True where the user's input is at fault (exit code 2), false where we are (exit code 1). */
  get isUserError(): boolean {
    return this.code !== "ERR_INTERNAL" && this.code !== "ERR_DISPOSED";
  }
}
