import type { AceError } from "@acewright/core-native";

/** The parts of preprocessing; only the networks of one of them are in memory at a time. */
export type PreprocessPhase = "latents" | "prompts" | "conditions";

/** What `preprocess` tells while it works. */
export type PreprocessEvent =
  | {
      readonly type: "start";
      readonly songs: number;
      /** Tensor files that there shall be: chunks and variants counted each. */
      readonly pieces: number;
      readonly device: "cpu" | "cuda";
      readonly deviceReason: string;
    }
  | { readonly type: "warning"; readonly id?: string; readonly message: string }
  /** Its tensors are there and were made from the same things. */
  | { readonly type: "skipped"; readonly id: string; readonly file: string }
  /** Its tensors are there, but must be made again. */
  | { readonly type: "stale"; readonly id: string; readonly file: string; readonly reason: string }
  /** Every song has been looked at; what follows, unless it is a dry run, is work. */
  | {
      readonly type: "planned";
      /** Pieces to make, new or again. */
      readonly pending: number;
      readonly skipped: number;
      readonly failed: number;
      /** Audio that has to be encoded, in seconds; a song whose header does not say counts five minutes. */
      readonly audioS: number;
      /** Bytes of the finished tensors, and the most there is at once while they are made. */
      readonly tensorsBytes: number;
      readonly peakBytes: number;
      /** What is free, and what parts of an interrupted run take, which are used again or removed. */
      readonly freeBytes: number;
      /** Of a dry run: seconds the work will take about, as the networks were measured just now. */
      readonly seconds?: number;
    }
  | { readonly type: "phase"; readonly phase: PreprocessPhase; readonly songs: number }
  | {
      readonly type: "progress";
      readonly phase: PreprocessPhase;
      readonly id: string;
      /** Songs of this phase that are finished. */
      readonly songsDone: number;
      readonly songs: number;
      /** Part of the current song that is finished, 0 to 1. */
      readonly fraction: number;
      /** Seconds of audio behind what is finished and behind the whole phase, as far as headers say. */
      readonly audioDoneS: number;
      readonly audioS: number;
    }
  | {
      readonly type: "made";
      readonly id: string;
      readonly file: string;
      readonly frames: number;
      readonly durationS: number;
      readonly tokens: readonly number[];
    }
  /** This song has no tensors; the others go on. */
  | { readonly type: "failed"; readonly id: string; readonly audioFile: string; readonly error: AceError }
  | {
      readonly type: "done";
      readonly made: number;
      readonly skipped: number;
      readonly failed: number;
      readonly folder: string;
    };
