import { expect, test } from "vitest";
import { samplingFor } from "../../src/generate/sampling.js";

test.each([
  [1, [1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125]],
  [2, [1, 0.93333, 0.85714, 0.76923, 0.66667, 0.54545, 0.4, 0.22222]],
  [3, [1, 0.95455, 0.9, 0.83333, 0.75, 0.64286, 0.5, 0.3]],
])("turbo's times at shift %i are the published ones", (shift, expected) => {
  const { times, guidance } = samplingFor({ shift }, { isTurbo: true }, "acestep-v15-turbo");
  expect(times).toHaveLength(8);
  times.forEach((time, i) => {
    expect(time).toBeCloseTo(expected[i] ?? NaN, 5);
  });
  expect(guidance).toBe(1);
});

test("what is left open follows the model, what is given wins", () => {
  const turbo = { isTurbo: true };
  const many = { isTurbo: false };
  expect(samplingFor({}, turbo, "x/acestep-v15-turbo")).toMatchObject({ steps: 8, shift: 3, guidance: 1 });
  for (const name of ["acestep-v15-turbo-shift3", "acestep-v15-turbo-continuous", "acestep-v15-xl-turbo"])
    expect(samplingFor({}, turbo, name)).toMatchObject({ steps: 8, shift: 3, guidance: 1 });
  expect(samplingFor({}, turbo, "x/acestep-v15-turbo-shift1")).toMatchObject({
    times: [1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125],
    shift: 1,
  });
  expect(samplingFor({ shift: 2 }, turbo, "acestep-v15-turbo-shift1")).toMatchObject({ shift: 2 });
  for (const name of ["acestep-v15-base", "acestep-v15-sft", "acestep-v15-xl-base"])
    expect(samplingFor({}, many, name)).toMatchObject({ steps: 50, shift: 1, guidance: 7 });
  expect(samplingFor({ steps: 12, guidance: 3 }, many, "b")).toMatchObject({ steps: 12, guidance: 3 });
});
