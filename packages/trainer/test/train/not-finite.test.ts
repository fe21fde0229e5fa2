import { expect, test } from "vitest";
import { culpritOf, notFiniteOf } from "../../src/train/not-finite.js";

const result = (losses: readonly number[]) => ({
  loss: NaN,
  gradNorm: NaN,
  skipped: true,
  milliseconds: 1,
  samples: losses.map((loss, i) => ({ loss, timestep: 0.25 * (i + 1), conditionDropped: false })),
});

test("a loss that is not finite names its song; else the gradient of any song may be at fault", () => {
  const songs = ["a", "b", "c"];
  const byLoss = notFiniteOf(songs, result([1, Infinity, 2]));
  expect(byLoss).toEqual({ what: "loss", samples: [{ song: "b", timestep: 0.5 }], modules: [] });
  expect(culpritOf(byLoss)).toBe("the loss of b (timestep 0.5000)");
  const byGradient = notFiniteOf(songs, result([1, 2, 3]));
  expect(byGradient).toMatchObject({
    what: "gradient",
    samples: [{ song: "a" }, { song: "b" }, { song: "c" }],
  });
  expect(culpritOf(byGradient)).toMatch(/^the gradient of a \(timestep 0\.2500\), b/);
  const byModule = notFiniteOf(songs, {
    ...result([1, 2, 3]),
    moduleNorms: { "layers.0.q": NaN, "layers.1.q": Infinity, "layers.2.q": 1 },
  });
  expect(byModule.modules).toEqual(["layers.0.q", "layers.1.q"]);
  expect(culpritOf(byModule)).toMatch(/, from layers\.1\.q on,$/);
});
