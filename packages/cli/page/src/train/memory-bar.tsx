import type { MemoryPlan } from "@acewright/core-native";
import type { JSX } from "preact";
import { formatBytes } from "../tools/format.js";
import { t } from "../words/words.js";

export interface MemoryPart {
  readonly name: string;
  readonly bytes: number;
}

/** What a run's memory goes to; what is nothing is left out. */
export function memoryParts(memory: MemoryPlan): MemoryPart[] {
  const parts = [
    { name: t("weights"), bytes: memory.weightBytes },
    { name: t("activations"), bytes: memory.arenaBytes },
    { name: t("adapter and gradient"), bytes: memory.adapterBytes + memory.gradientBytes },
    { name: t("optimizer"), bytes: memory.optimizerBytes },
    { name: t("songs in memory"), bytes: memory.datasetBytes },
    { name: t("working memory"), bytes: memory.scratchBytes },
  ];
  return parts.filter(({ bytes }) => bytes > 0);
}

/** Share of the bar's width that so many bytes take: the bar is as long as the device's memory, or as what is needed. */
export function barShare(bytes: number, totalBytes: number, deviceBytes: number): number {
  return (100 * bytes) / Math.max(totalBytes, deviceBytes, 1);
}

/** Memory by part against the device's, with a mark where what is free ends. */
export function MemoryBar(props: {
  memory: MemoryPlan;
  device: { readonly memoryBytes: number; readonly freeBytes: number };
}): JSX.Element {
  const { memory, device } = props;
  const { totalBytes } = memory;
  const share = (bytes: number): string => `${barShare(bytes, totalBytes, device.memoryBytes)}%`;
  const parts = memoryParts(memory);
  return (
    <div>
      <div
        class="memory-bar"
        role="img"
        aria-label={t("{needed} of {all} are needed, {free} are free", {
          needed: formatBytes(totalBytes),
          all: formatBytes(device.memoryBytes),
          free: formatBytes(device.freeBytes),
        })}
      >
        {parts.map(({ name, bytes }, i) => (
          <div
            key={name}
            class={`part-${i}`}
            style={{ width: share(bytes) }}
            title={`${name}: ${formatBytes(bytes)}`}
          />
        ))}
        <div class="free-mark" style={{ left: share(device.freeBytes) }} title={t("free now")} />
      </div>
      <ul class="legend">
        {parts.map(({ name, bytes }, i) => (
          <li key={name}>
            <span class={`swatch part-${i}`} /> {name} <span class="quiet">{formatBytes(bytes)}</span>
          </li>
        ))}
        <li>
          <strong>{t("in all")}</strong> {formatBytes(totalBytes)}{" "}
          <span class="quiet">
            {t("of {all}, {free} free now", {
              all: formatBytes(device.memoryBytes),
              free: formatBytes(device.freeBytes),
            })}
          </span>
        </li>
      </ul>
    </div>
  );
}
