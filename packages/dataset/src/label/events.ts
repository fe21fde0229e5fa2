import type { AceError } from "@acewright/core-native";
import type { Change } from "../dataset-file/edit-dataset.js";

/** The parts of labelling; only the networks of one of them are in memory at a time. */
export type LabelPhase = "codes" | "answers";

/** What `labelDataset` tells while it works. */
export type LabelEvent =
  | { readonly type: "start"; readonly songs: number; readonly device: string; readonly deviceReason: string }
  | { readonly type: "warning"; readonly index?: number; readonly message: string }
  /** Nothing is open in this song. */
  | { readonly type: "skipped"; readonly index: number; readonly reason: string }
  /** What a phase's networks take, in bytes, told before they are loaded. */
  | {
      readonly type: "memory";
      readonly phase: LabelPhase;
      readonly bytes: number;
      readonly freeBytes: number;
      readonly words: string;
    }
  | { readonly type: "phase"; readonly phase: LabelPhase; readonly songs: number }
  | {
      readonly type: "progress";
      readonly phase: LabelPhase;
      readonly index: number;
      /** Songs of this phase that are finished. */
      readonly songsDone: number;
      readonly songs: number;
      /** Part of the current song, 0 to 1; an answer may end before its limit. */
      readonly fraction: number;
      readonly tokens?: number;
      readonly tokensPerSecond?: number;
    }
  | {
      readonly type: "labelled";
      readonly index: number;
      /** Tokens of the answers. */
      readonly tokens: number;
      /** What a person should look at. */
      readonly notes: readonly string[];
    }
  /** This song stays as it is; the others go on. */
  | { readonly type: "failed"; readonly index: number; readonly audioFile: string; readonly error: AceError }
  | {
      readonly type: "done";
      readonly labelled: number;
      readonly skipped: number;
      readonly failed: number;
      readonly changes: readonly Change[];
      /** False for a rehearsal, and where nothing changed. */
      readonly written: boolean;
      readonly path: string;
    };
