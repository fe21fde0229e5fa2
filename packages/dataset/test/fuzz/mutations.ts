/** Makes a damaged copy of some bytes. The same random numbers make the same damage. */
export type Damage = (original: Uint8Array, random: () => number) => Uint8Array;

/** How many damaged copies of each file a hunt tries; ACEWRIGHT_MUTATIONS raises it for a long one. */
export const mutationRounds = Number(process.env["ACEWRIGHT_MUTATIONS"] ?? 60);

/** Places near the front, where the headers are, are hit more often. */
const headBytes = 200;

/**
 * Damage of any format, one to four times: a flipped bit, bytes of zeros or ones, random bytes, a cut, a stretch twice,
 * a stretch gone, a stretch of another place or of another file.
 *
 * @param others files of the same or another format, parts of which are put into the one that is damaged
 */
export function mutations(others: readonly Uint8Array[] = []): Damage {
  return (original, random) => {
    const below = (limit: number): number => Math.floor(random() * limit);
    let bytes = Buffer.from(original);
    for (let edits = 1 + below(4); edits > 0; edits--) {
      const reach = random() < 0.6 ? Math.min(headBytes, original.length) : original.length;
      const at = Math.min(below(reach), Math.max(0, bytes.length - 1));
      const end = Math.min(bytes.length, at + 1 + below(16));
      switch (below(8)) {
        case 0:
          bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
          break;
        case 1:
          bytes.fill([0, 255, 127, 128][below(4)] ?? 0, at, end);
          break;
        case 2:
          for (let i = at; i < end; i++) bytes[i] = below(256);
          break;
        case 3:
          bytes = bytes.subarray(0, Math.max(1, at));
          break;
        case 4:
          bytes = Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
          break;
        case 5:
          bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
          break;
        case 6:
          bytes = Buffer.concat([bytes.subarray(0, at), stretch(bytes, below), bytes.subarray(end)]);
          break;
        case 7: {
          const donor = others[below(others.length)] ?? original;
          bytes = Buffer.concat([bytes.subarray(0, at), stretch(donor, below), bytes.subarray(at)]);
          break;
        }
      }
    }
    return bytes;
  };
}

function stretch(bytes: Uint8Array, below: (limit: number) => number): Uint8Array {
  const from = below(bytes.length);
  return bytes.subarray(from, from + 1 + below(64));
}
