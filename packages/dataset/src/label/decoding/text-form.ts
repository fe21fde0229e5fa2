import { keyScales, languages, ranges, timeSignatures } from "../song-values.js";
import { ByteMachine } from "./byte-machine.js";
import { line, sentences } from "./free-text.js";

/** A form of text, as a machine over bytes and marks. */
export interface TextForm {
  readonly machine: ByteMachine;
  readonly start: number;
  /** After the last token of the form. */
  readonly end: number;
}

/** Ids of the marks a form may hold. */
export interface FormMarks {
  readonly thinkStart: number;
  readonly thinkEnd: number;
  readonly textEnd: number;
}

/** The block a song is described in: `<think>`, the fields one a line in their fixed order, `</think>`. */
export function metadataForm(marks: FormMarks): TextForm {
  const machine = new ByteMachine();
  const end = machine.state();
  return { machine, start: metadataBlock(machine, marks, end), end };
}

/** What may be put above a part of the lyrics. */
const structureTags = [
  ...["Intro", "Verse", "Verse 1", "Verse 2", "Verse 3", "Verse 4", "Pre-Chorus", "Chorus", "Post-Chorus"],
  ...["Bridge", "Hook", "Refrain", "Interlude", "Instrumental", "Solo", "Build", "Drop", "Break", "Outro"],
];

/**
 * The block, then the given lines as they stand; the model chooses where an empty line and a structure tag go.
 *
 * @param lines without line breaks, none empty.
 */
export function lyricsForm(marks: FormMarks, lines: readonly string[]): TextForm {
  const machine = new ByteMachine();
  const end = machine.state();
  const newline = "\n".charCodeAt(0);
  let next = machine.mark(marks.textEnd, end);
  for (const [i, text] of [...lines].reverse().entries()) {
    const own = machine.literal(`${text}\n`, next);
    const isLast = i === lines.length - 1;
    // A user's line may be a tag itself: then none of ours stands above it, nor between it and its words.
    const above = lines[lines.length - 2 - i];
    const tagged = machine.state();
    machine.inherit(tagged, own);
    if (!text.startsWith("[") && above?.startsWith("[") !== true) {
      machine.inherit(
        tagged,
        machine.oneOf(
          structureTags.map((tag) => `[${tag}]\n`),
          own,
        ),
      );
    }
    const start = isLast ? tagged : machine.state();
    machine.inherit(start, tagged);
    if (!isLast) machine.connect(start, [newline], tagged);
    next = start;
  }
  const header = machine.literal("\n\n# Lyric\n", next);
  return { machine, start: metadataBlock(machine, marks, header), end };
}

function metadataBlock(machine: ByteMachine, { thinkStart, thinkEnd }: FormMarks, after: number): number {
  const value = (name: string, texts: readonly string[], next: number): number => {
    const lines = texts.map((text) => `${text}\n`);
    return machine.literal(`${name}: `, machine.oneOf(lines, next));
  };
  let next = machine.mark(thinkEnd, after);
  next = value("timesignature", timeSignatures, next);
  next = value("language", languages, next);
  next = value("keyscale", keyScales, next);
  next = machine.literal("genres: ", line(machine, next));
  next = value("duration", numbers(ranges.duration), next);
  next = machine.literal("caption: ", sentences(machine, next));
  next = value("bpm", numbers(ranges.bpm), next);
  return machine.mark(thinkStart, machine.literal("\n", next));
}

function numbers({ min, max }: { readonly min: number; readonly max: number }): string[] {
  return Array.from({ length: max - min + 1 }, (_, i) => String(min + i));
}
