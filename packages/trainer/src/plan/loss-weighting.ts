import type { LossWeighting } from "@acewright/core-native";
import type { TrainConfig } from "../config/train-config.js";

/** How the session weights losses by timestep; a table's points are put in the order of their timesteps. */
export function lossWeightingOf(
  settings: Pick<TrainConfig, "lossWeighting" | "snrGamma" | "lossWeightTable">,
): LossWeighting {
  switch (settings.lossWeighting) {
    case "none":
      return { law: "none" };
    case "min-snr":
    case "min-snr-inverse":
      return { law: settings.lossWeighting, gamma: settings.snrGamma ?? 5 };
    case "table": {
      const points = Object.entries(settings.lossWeightTable ?? {}).map(
        ([timestep, weight]): readonly [number, number] => [Number(timestep), weight],
      );
      return { law: "table", points: points.sort(([a], [b]) => a - b) };
    }
  }
}
