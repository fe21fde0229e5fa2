import { AceError } from "@acewright/core-native";

export interface FailureKind {
  /** What it ends: one song, or the whole run because every other song would meet the same. */
  scope: "song" | "run";
  /** True where the same request may succeed a little later. */
  retry: boolean;
  /** Seconds the service asked to be left alone for. */
  waitS?: number | undefined;
}

/** Why a service gave no answer. The message holds no key. */
export class ServiceFailure extends AceError {
  readonly scope: FailureKind["scope"];
  readonly retry: boolean;
  readonly waitS: number | undefined;

  constructor(message: string, { scope, retry, waitS }: FailureKind) {
    super("ERR_SERVICE", message);
    this.scope = scope;
    this.retry = retry;
    this.waitS = waitS;
  }
}
