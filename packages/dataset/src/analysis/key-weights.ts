// Fitted by bench/analysis/train.mjs; do not edit.

/** In the order of the features of `describeKeys`. */
export const keyWeights: readonly number[] = [
  2.546, 2.314, 2.162, 1.028, -4.862, 5.725, 8.892, 8.607, 9.625, 4.763, 1.733, 2.641, 5.654, 3.679, -1.94,
];
