import { AceError } from "@acewright/core-native";
import { dirname } from "node:path";
import { Sample, type Dataset } from "./schema.js";

/** One condition on a sample. */
type Condition = (sample: Sample, index: number) => boolean;

/** Longest first, so that ">=" is not read as ">". */
const operators = ["!=", "!~", "<=", ">=", "=", "~", "<", ">"] as const;
type Operator = (typeof operators)[number];

/** Fields that no sample holds but a filter can ask for. */
const derived: Readonly<Record<string, (sample: Sample, index: number) => unknown>> = {
  number: (_, index) => index + 1,
  folder: ({ audio_path }) => slashed(dirname(audio_path)),
};

/**
 * Indices of the samples that meet every filter.
 *
 * A filter is `field` (has a value), `!field` (has none), or field, operator and value: `=` and `!=` compare whole values,
 * `~` and `!~` look for a part in any case (with `*` and `?` for a whole value), `<`, `<=`, `>`, `>=` compare numbers. Fields are the keys
 * of a sample, `acewright.artist` and the like, `folder` (`=` takes what lies deeper too) and `number`, counted from 1.
 *
 * @throws {AceError} ERR_CONFIG for a filter that is none, or a field that no sample has.
 */
export function filterSamples(dataset: Dataset, filters: readonly string[]): number[] {
  const conditions = filters.map((filter) => conditionOf(filter, dataset));
  return dataset.samples.flatMap((sample, index) =>
    conditions.every((meets) => meets(sample, index)) ? [index] : [],
  );
}

/**
 * {@link filterSamples} among the samples with these indices.
 *
 * @throws {AceError} ERR_CONFIG for a bad filter, or an index that no sample has.
 */
export function pickSamples(
  dataset: Dataset,
  filters: readonly string[],
  among: readonly number[] | undefined,
): number[] {
  const met = filterSamples(dataset, filters);
  if (among === undefined) return met;
  const unknown = among.find((index) => dataset.samples[index] === undefined);
  if (unknown !== undefined) {
    const { length } = dataset.samples;
    throw new AceError("ERR_CONFIG", `songs: there is no sample ${unknown}, the dataset holds ${length}`);
  }
  const wanted = new Set(among);
  return met.filter((index) => wanted.has(index));
}

function conditionOf(filter: string, dataset: Dataset): Condition {
  const [, not = "", field = "", rest = ""] =
    /^\s*(!?)\s*([\p{L}_][\p{L}\p{N}_.]*)\s*(.*)$/su.exec(filter) ?? [];
  if (field === "") throw mistaken(filter, "begins with no field");
  const value = valueReader(field, filter, dataset);
  if (rest === "") return (sample, index) => isPresent(field, value(sample, index)) === (not === "");
  const operator = operators.find((candidate) => rest.startsWith(candidate));
  if (operator === undefined || not !== "") throw mistaken(filter, "is no comparison");
  const wanted = rest.slice(operator.length).trim();
  const meets = comparison(operator, wanted, field, filter);
  return (sample, index) => meets(value(sample, index));
}

function comparison(
  operator: Operator,
  wanted: string,
  field: string,
  filter: string,
): (value: unknown) => boolean {
  const folder = `/${slashed(wanted).replace(/^\/+/, "")}/`;
  const equals = (value: unknown): boolean => {
    const text = textOf(value);
    if (field === "folder") return `/${text.replace(/^\/+/, "")}/`.includes(folder);
    return typeof value === "number" && wanted !== "" ? value === Number(wanted) : text === wanted;
  };
  const part = partMatcher(wanted);
  switch (operator) {
    case "=":
      return equals;
    case "!=":
      return (value) => !equals(value);
    case "~":
      return (value) => part(textOf(value));
    case "!~":
      return (value) => !part(textOf(value));
    case "<":
    case "<=":
    case ">":
    case ">=": {
      const limit = Number(wanted);
      if (wanted === "" || !Number.isFinite(limit))
        throw mistaken(filter, `compares with "${wanted}", no number`);
      const holds = { "<": below, "<=": atMost, ">": above, ">=": atLeast }[operator];
      return (value) => {
        const number = typeof value === "number" ? value : Number.NaN;
        return holds(number, limit);
      };
    }
  }
}

const below = (a: number, b: number): boolean => a < b;
const atMost = (a: number, b: number): boolean => a <= b;
const above = (a: number, b: number): boolean => a > b;
const atLeast = (a: number, b: number): boolean => a >= b;

/** A part of the text in any case; with wildcards the whole of it. */
function partMatcher(wanted: string): (text: string) => boolean {
  const lower = wanted.toLowerCase();
  if (!/[*?]/.test(lower)) return (text) => text.toLowerCase().includes(lower);
  return (text) => matchesWildcards(text.toLowerCase(), lower);
}

/** Linear in practice, unlike a regular expression made of many stars. */
function matchesWildcards(text: string, pattern: string): boolean {
  let [at, in_, star, resume] = [0, 0, -1, 0];
  while (at < text.length) {
    if (pattern[in_] === "*") {
      star = in_++;
      resume = at;
    } else if (pattern[in_] === "?" || pattern[in_] === text[at]) {
      in_++;
      at++;
    } else if (star >= 0) {
      in_ = star + 1;
      at = ++resume;
    } else return false;
  }
  return /^\**$/.test(pattern.slice(in_));
}

function valueReader(
  field: string,
  filter: string,
  dataset: Dataset,
): (sample: Sample, index: number) => unknown {
  const known = derived[field];
  if (known !== undefined) return known;
  const read = (sample: Sample): unknown =>
    field
      .split(".")
      .reduce<unknown>(
        (value, key) =>
          typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined,
        sample,
      );
  const isKey =
    Object.keys(Sample.shape).includes(field) || field === "repeat" || field.startsWith("acewright.");
  if (isKey || dataset.samples.some((sample) => read(sample) !== undefined)) return read;
  const fields = [...Object.keys(Sample.shape), "repeat", ...Object.keys(derived)].join(", ");
  throw mistaken(filter, `names the field "${field}", which no sample has (${fields})`);
}

/** "[Instrumental]" is how the file says that there are no lyrics. */
function isPresent(field: string, value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === false) return false;
  return !(field.endsWith("lyrics") && /^\[instrumental\]$/i.test(textOf(value)));
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function slashed(path: string): string {
  return path.replaceAll("\\", "/").replace(/(?<=.)\/+$/, "");
}

function mistaken(filter: string, what: string): AceError {
  return new AceError(
    "ERR_CONFIG",
    `filter "${filter}": ${what}; write one such as bpm>=120, caption~bells, !keyscale or folder=drums`,
  );
}
