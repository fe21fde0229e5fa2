/** The fields of a Side-Step sidecar (`song.txt` with "key: value" lines), by their one name. */
export type SideStepFields = Partial<Record<SideStepKey, string>>;

const keyNames = [
  "caption",
  "genre",
  "bpm",
  "key",
  "signature",
  "is_instrumental",
  "language",
  "custom_tag",
  "prompt_override",
  "repeat",
  "lyrics",
] as const;
type SideStepKey = (typeof keyNames)[number];

const keysByName = new Map<string, SideStepKey>([
  ...keyNames.map((name) => [name, name] as const),
  ["keyscale", "key"],
  ["scale", "key"],
  ["timesignature", "signature"],
  ["time_signature", "signature"],
  ["sig", "signature"],
  ["tempo", "bpm"],
  ["lang", "language"],
  ["repeats", "repeat"],
]);

/** A song's first lines tell what a `.txt` is; further down a lyric may well read "Key: ...". */
const linesLookedAt = 3;

/**
 * Reads a `.txt` as "key: value" lines, or undefined when it is plain lyrics: it counts as a sidecar when a known key
 * stands in one of its first lines and a caption or lyrics key is there at all.
 */
export function parseSideStepText(text: string): SideStepFields | undefined {
  const lines = text.split("\n");
  const first = lines.filter((line) => line.trim() !== "").slice(0, linesLookedAt);
  if (!first.some((line) => keyOf(line) !== undefined)) return undefined;
  const fields: SideStepFields = {};
  let current: SideStepKey | undefined;
  for (const [index, line] of lines.entries()) {
    const found = keyOf(line);
    if (found?.key === "lyrics") {
      fields.lyrics = [found.value, ...lines.slice(index + 1)].join("\n").trim();
      break;
    }
    if (found !== undefined) {
      current = found.key;
      fields[current] = found.value;
    } else if (current !== undefined && line.trim() !== "") {
      fields[current] = `${fields[current] ?? ""} ${line.trim()}`.trim();
    }
  }
  return fields.caption === undefined && fields.lyrics === undefined ? undefined : fields;
}

function keyOf(line: string): { key: SideStepKey; value: string } | undefined {
  const parts = /^\s*([A-Za-z_]+)\s*:(.*)$/.exec(line);
  const key = keysByName.get(parts?.[1]?.toLowerCase() ?? "");
  return key === undefined ? undefined : { key, value: (parts?.[2] ?? "").trim() };
}
