/**
 * Log-linear choice between candidates: weights under which the right ones are most probable, by gradient steps (Adam).
 * Every candidate has one row of features and `classes` outcomes (a pulse may be in 3/4, 4/4 or 6/8), each with weights
 * of its own on top of shared ones; both are held small, the own ones more.
 *
 * @typedef {object} Choice
 * @property {number[][]} rows features of each candidate
 * @property {boolean[][]} right which outcomes of each candidate are right
 *
 * @typedef {object} Model
 * @property {number[]} mean of each feature
 * @property {number[]} scale of each feature
 * @property {number[][]} weights of each class
 * @property {number[]} bias of each class
 *
 * @param {readonly Choice[]} choices
 * @param {number} classes
 * @param {{ shared?: number, own?: number, steps?: number }} [options]
 * @returns {Model}
 */
export function fitChoice(choices, classes, options = {}) {
  const { shared = 0.003, own = 0.01, steps = 400 } = options;
  const usable = choices.filter(({ right }) => right.some((row) => row.includes(true)));
  const { mean, scale } = spread(usable.flatMap(({ rows }) => rows));
  const width = mean.length;
  const scaled = usable.map(({ rows, right }) => ({
    rows: rows.map((row) => row.map((value, k) => (value - (mean[k] ?? 0)) / (scale[k] ?? 1))),
    right,
  }));
  // Layout: shared weights, then own weights of each class, then biases.
  const size = width * (1 + classes) + classes;
  const values = new Float64Array(size);
  const adam = { first: new Float64Array(size), second: new Float64Array(size) };
  for (let step = 1; step <= steps; step++) {
    const slope = slopeOf(scaled, values, width, classes);
    for (let k = 0; k < width * (1 + classes); k++)
      slope[k] += 2 * (k < width ? shared : own) * (values[k] ?? 0);
    const rate = 0.05 * Math.min(1, 3 * (1 - step / (steps + 1)));
    for (let k = 0; k < size; k++) {
      adam.first[k] = 0.9 * (adam.first[k] ?? 0) + 0.1 * (slope[k] ?? 0);
      adam.second[k] = 0.99 * (adam.second[k] ?? 0) + 0.01 * (slope[k] ?? 0) ** 2;
      const [m, v] = [(adam.first[k] ?? 0) / (1 - 0.9 ** step), (adam.second[k] ?? 0) / (1 - 0.99 ** step)];
      values[k] -= (rate * m) / (Math.sqrt(v) + 1e-8);
    }
  }
  const weights = Array.from({ length: classes }, (_, c) =>
    Array.from({ length: width }, (_, k) => (values[k] ?? 0) + (values[width * (1 + c) + k] ?? 0)),
  );
  return { mean, scale, weights, bias: [...values.subarray(width * (1 + classes))] };
}

/**
 * Probability of every outcome of every candidate.
 *
 * @param {Model} model
 * @param {number[][]} rows
 */
export function probabilities(model, rows) {
  const scores = rows.map((row) =>
    model.weights.map((weights, c) =>
      weights.reduce(
        (sum, weight, k) => sum + (weight * ((row[k] ?? 0) - (model.mean[k] ?? 0))) / (model.scale[k] ?? 1),
        model.bias[c] ?? 0,
      ),
    ),
  );
  const most = Math.max(...scores.flat());
  const raised = scores.map((row) => row.map((score) => Math.exp(score - most)));
  const sum = raised.flat().reduce((a, b) => a + b, 0);
  return raised.map((row) => row.map((value) => value / sum));
}

/**
 * Slope of the mean negative log-probability of the right outcomes.
 *
 * @param {readonly Choice[]} choices
 * @param {Float64Array} values
 * @param {number} width
 * @param {number} classes
 */
function slopeOf(choices, values, width, classes) {
  const slope = new Float64Array(values.length);
  const own = (/** @type {number} */ c) => width * (1 + c);
  for (const { rows, right } of choices) {
    const scores = rows.map((row) =>
      Array.from({ length: classes }, (_, c) => {
        let sum = values[width * (1 + classes) + c] ?? 0;
        const at = own(c);
        for (let k = 0; k < width; k++) sum += (row[k] ?? 0) * ((values[k] ?? 0) + (values[at + k] ?? 0));
        return sum;
      }),
    );
    const most = Math.max(...scores.flat());
    let [all, good] = [0, 0];
    scores.forEach((row, i) => {
      row.forEach((score, c) => {
        const raised = Math.exp(score - most);
        all += raised;
        if (right[i]?.[c] === true) good += raised;
      });
    });
    scores.forEach((row, i) => {
      row.forEach((score, c) => {
        const raised = Math.exp(score - most);
        const push =
          (raised / all - (right[i]?.[c] === true ? raised / Math.max(good, 1e-300) : 0)) / choices.length;
        if (Math.abs(push) < 1e-12) return;
        const at = own(c);
        const features = rows[i] ?? [];
        for (let k = 0; k < width; k++) {
          const step = push * (features[k] ?? 0);
          slope[k] += step;
          slope[at + k] += step;
        }
        slope[width * (1 + classes) + c] += push;
      });
    });
  }
  return slope;
}

/** @param {number[][]} rows */
function spread(rows) {
  const width = rows[0]?.length ?? 0;
  const mean = Array.from(
    { length: width },
    (_, k) => rows.reduce((sum, row) => sum + (row[k] ?? 0), 0) / rows.length,
  );
  const scale = mean.map(
    (centre, k) =>
      Math.sqrt(rows.reduce((sum, row) => sum + ((row[k] ?? 0) - centre) ** 2, 0) / rows.length) + 1e-6,
  );
  return { mean, scale };
}
