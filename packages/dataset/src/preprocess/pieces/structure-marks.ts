import type { Sample, SampleAdditions } from "../../dataset-file/schema.js";

/** Places of a song where it may be cut, in seconds, the best first. */
export interface StructureMarks {
  readonly sections: readonly number[];
  readonly bars: readonly number[];
  readonly lyricLines: readonly number[];
}

/** What analysis and timed lyrics say of a song's structure; anything that is no number in order is left aside. */
export function structureMarks(sample: Sample): StructureMarks {
  const ours = (sample["acewright"] ?? {}) as { analysis?: unknown } & SampleAdditions;
  const analysis = (ours.analysis ?? {}) as Readonly<Record<string, unknown>>;
  return {
    sections: starts(analysis["sections"]),
    bars: starts(analysis["bars"]),
    lyricLines: starts(ours.lyric_lines),
  };
}

/** Start times of a list of seconds, or of parts with a `start_s`; ascending. */
function starts(list: unknown): number[] {
  if (!Array.isArray(list)) return [];
  const times = list.map((part: unknown) =>
    typeof part === "object" && part !== null ? (part as { start_s?: unknown }).start_s : part,
  );
  return times
    .filter((time): time is number => typeof time === "number" && Number.isFinite(time) && time >= 0)
    .sort((a, b) => a - b);
}
