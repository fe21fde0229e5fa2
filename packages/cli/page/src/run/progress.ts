import type { LoggedEvent } from "@acewright/trainer";

/** How far a run is, as its newest events say. */
export interface Progress {
  readonly step: number;
  readonly steps: number | undefined;
  readonly epoch: number | undefined;
  readonly epochs: number | undefined;
  readonly secondsPerStep: number | undefined;
  /** Undefined where it does not train. */
  readonly etaS: number | undefined;
  /** Bytes used and there, as far as the device tells. */
  readonly memory: { readonly used: number; readonly of: number } | undefined;
  readonly device: string | undefined;
}

export function progressOf(events: readonly LoggedEvent[], isRunning: boolean): Progress {
  const started = events.findLast((event) => event.type === "started");
  const step = events.findLast((event) => event.type === "step");
  const { memory, steps, epochs } = started?.plan ?? {};
  return {
    step: step?.step ?? started?.step ?? 0,
    steps,
    epoch: step?.epoch,
    epochs,
    secondsPerStep: step?.secondsPerStep,
    etaS: isRunning ? step?.etaS : undefined,
    memory:
      memory === undefined || started === undefined
        ? undefined
        : { used: memory.totalBytes, of: started.device.memoryBytes },
    device: started?.device.description,
  };
}

/** What a person should know of a run, newest first: not each step. */
export function remarks(events: readonly LoggedEvent[]): LoggedEvent[] {
  const silent = new Set<LoggedEvent["type"]>(["step", "gradNorms", "device", "validation"]);
  return events
    .filter((event) => !silent.has(event.type) || (event.type === "step" && event.skipped))
    .reverse();
}
