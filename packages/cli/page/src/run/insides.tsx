import type { LoggedEvent } from "@acewright/trainer";
import type { JSX } from "preact";
import { Card } from "../parts/parts.js";
import { formatNumber } from "../tools/format.js";
import { t } from "../words/words.js";

/** Modules shown: those that are pulled at most. */
const mostModules = 12;

/** Where the adapter is still wrong, and which modules the songs pull at, as the newest look says. */
export function Insides({ events }: { events: readonly LoggedEvent[] }): JSX.Element | null {
  const byTimestep = timestepBars(events);
  const modules = moduleBars(events, mostModules);
  if (byTimestep.length === 0 && modules.length === 0) return null;
  return (
    <div class="side-by-side">
      {byTimestep.length > 0 && (
        <Card title={t("Validation loss by timestep")}>
          <Bars bars={byTimestep} />
        </Card>
      )}
      {modules.length > 0 && (
        <Card title={t("Modules with the largest gradient norm")}>
          <Bars bars={modules} />
        </Card>
      )}
    </div>
  );
}

export interface Bar {
  readonly name: string;
  readonly value: number;
}

export function timestepBars(events: readonly LoggedEvent[]): Bar[] {
  const validation = events.findLast((event) => event.type === "validation");
  return (validation?.byTimestep ?? []).map(({ from, to, loss }) => ({
    name: `${from.toFixed(1)} – ${to.toFixed(1)}`,
    value: loss,
  }));
}

export function moduleBars(events: readonly LoggedEvent[], most: number): Bar[] {
  const norms = events.findLast((event) => event.type === "gradNorms");
  return Object.entries(norms?.modules ?? {})
    .map(([name, value]) => ({ name, value }))
    .sort((a, b) => b.value - a.value)
    .slice(0, most);
}

function Bars({ bars }: { bars: readonly Bar[] }): JSX.Element {
  const longest = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  return (
    <div class="bars">
      {bars.map(({ name, value }) => (
        <>
          <span key={name}>{name}</span>
          <div class="bar" style={{ width: `${(100 * value) / longest}%` }} />
          <span class="number">{formatNumber(value)}</span>
        </>
      ))}
    </div>
  );
}
