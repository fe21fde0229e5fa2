/** What the studio's page and its server tell each other. Types only: the page takes nothing else of the server. */

import type { LogTail, RunSummary } from "@acewright/trainer";

/** Every refusal, as the command line says it. */
export interface ApiError {
  readonly error: { readonly code: string; readonly message: string; readonly advice: string };
}

/** What lies in the workspace. Paths are relative to its folder, or absolute outside it. */
export interface WorkspaceView {
  /** Absolute. */
  readonly folder: string;
  readonly version: string;
  readonly datasets: readonly FoundDataset[];
  readonly tensors: readonly FoundTensors[];
  readonly models: readonly FoundModelFolder[];
  readonly runs: readonly RunRow[];
  /** Folders with songs that no dataset speaks of yet. */
  readonly songFolders: readonly FoundSongFolder[];
  /** What could not be read, and why. */
  readonly unreadable: readonly string[];
}

export interface FoundDataset {
  readonly path: string;
  readonly name: string;
  readonly songs: number;
}

export interface FoundTensors {
  readonly path: string;
  readonly songs: number;
}

export interface FoundModelFolder {
  readonly path: string;
  /** "turbo", "sft", "base", as its config says. */
  readonly variant: string;
}

export interface FoundSongFolder {
  readonly path: string;
  readonly songs: number;
}

/** A run in a list. */
export interface RunRow extends Omit<RunSummary, "folder" | "config" | "final"> {
  readonly path: string;
  readonly adapter: string;
  readonly final: boolean;
}

/** A run in full; its events since the last look alone, for logs grow long. */
export interface RunView {
  readonly run: RunRow & { readonly config: RunSummary["config"] };
  readonly log: LogTail;
}

export type JobStatus = "waiting" | "running" | "done" | "failed" | "stopped";

/** A command that the page had started. It goes on when the page, or the studio, is closed. */
export interface Job {
  readonly id: string;
  readonly kind: string;
  /** One line for people. */
  readonly title: string;
  /** The command line it is, ready for a shell. */
  readonly line: string;
  /** What the page shows when it is done: a dataset's, tensors' or run's path. */
  readonly makes?: string;
  readonly status: JobStatus;
  /** ISO 8601. */
  readonly addedAt: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
  /** Why it failed. */
  readonly error?: string;
}

/** A job's output since the last look. */
export interface JobView {
  readonly job: Job;
  /** What the command printed with --json, one value a line. */
  readonly output: readonly unknown[];
  readonly next: number;
}
