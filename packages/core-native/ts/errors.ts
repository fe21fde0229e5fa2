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
