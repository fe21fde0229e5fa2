/** A time as an LRC file writes it, at its place in the line. */
export interface Stamp {
  at: number;
  end: number;
  /** Square brackets may begin a line; angle brackets only stamp words. */
  kind: "line" | "word";
  /** The numbers between colons, two or three. */
  parts: number[];
  /** Seconds after the point. */
  fraction: number | undefined;
}

/** What the third number of `[12:34:56]` is: the format has both. */
export type StampReading = "hours" | "hundredths";

const stampPattern = /([[<])\s*(\d{1,4}):(\d{1,2})(?::(\d{1,3}))?(?:[.,](\d{1,3}))?\s*([\]>])/g;

/** All stamps of a line, from left to right. */
export function findStamps(line: string): Stamp[] {
  if (!/[[<]\s*\d/.test(line)) return [];
  return [...line.matchAll(stampPattern)].flatMap((match): Stamp[] => {
    const [whole, open, first, second, third, fraction, close] = match;
    if ((open === "[") !== (close === "]")) return [];
    return [
      {
        at: match.index,
        end: match.index + whole.length,
        kind: open === "[" ? "line" : "word",
        parts: [first, second, third].flatMap((part) => (part === undefined ? [] : [Number(part)])),
        fraction: fraction === undefined ? undefined : Number(`0.${fraction}`),
      },
    ];
  });
}

/**
 * How a file means `[a:b:c]`: hours when a fraction follows anywhere; hundredths of a second when some c is above 59;
 * hours otherwise.
 */
export function stampReading(stamps: readonly Stamp[]): StampReading {
  const long = stamps.filter(({ parts }) => parts.length === 3);
  if (long.some(({ fraction }) => fraction !== undefined)) return "hours";
  return long.some(({ parts }) => (parts[2] ?? 0) > 59) ? "hundredths" : "hours";
}

/** Seconds from the beginning. */
export function stampSeconds({ parts, fraction = 0 }: Stamp, reading: StampReading): number {
  const [first = 0, second = 0, third] = parts;
  if (third === undefined) return first * 60 + second + fraction;
  if (reading === "hours") return first * 3600 + second * 60 + third + fraction;
  return first * 60 + second + third / 100;
}
