import type { ByteMachine } from "./byte-machine.js";

const newline = byte("\n");
const space = byte(" ");
/** A metadata value ends at a tag, so it cannot hold one. */
const visible = range(0x21, 0x7e).filter((code) => code !== byte("<"));
/** First bytes of UTF-8 characters, by how many bytes follow: one, two, three. */
const leads = [range(0xc2, 0xdf), range(0xe0, 0xef), range(0xf0, 0xf4)] as const;
const following = range(0x80, 0xbf);
const stops = [".", "!", "?"].map(byte);
/** May stand behind a full stop without making it less of one. */
const closers = ['"', "'", ")"].map(byte);
/** The same stops in Chinese and Japanese. */
const wideStops = ["。", "！", "？"];

/**
 * Prose: sentences, perhaps over several indented lines, never an empty line, the last one ending in a full stop.
 *
 * @param next state after the line break that ends the text; it must not wait for a mark.
 * @returns its first state.
 */
export function sentences(machine: ByteMachine, next: number): number {
  return openAndStrict(machine, (isStrict) => sentenceStates(machine, next, isStrict));
}

/** One line with something on it. @returns its first state. */
export function line(machine: ByteMachine, next: number): number {
  return openAndStrict(machine, (isStrict) => lineStates(machine, next, isStrict));
}

/** Builds a text twice: as it may be, and as it must go on once it is long enough to end. */
function openAndStrict(machine: ByteMachine, build: (isStrict: boolean) => number[]): number {
  const [open, strict] = [build(false), build(true)];
  for (const [i, state] of open.entries()) machine.closeBy(state, strict[i] as number);
  return open[0] as number;
}

function sentenceStates(machine: ByteMachine, next: number, isStrict: boolean): number[] {
  const state = (): number => machine.state();
  const [start, text, stopped] = [state(), state(), state()];
  const [brokenLine, finishedLine, indent, begin] = [state(), state(), state(), state()];
  const wide = wideCharacters(machine, text, stopped);
  const write = (from: number): void => {
    machine.connect(from, visible, text);
    connectWide(machine, from, wide);
    machine.connect(from, stops, stopped);
  };
  // At the beginning and behind an indent something must stand, also when the text has to end.
  write(start);
  write(begin);
  if (isStrict) machine.connect(text, stops, stopped);
  else {
    for (const from of [text, stopped]) {
      write(from);
      machine.connect(from, [space], text);
    }
    machine.connect(text, [newline], brokenLine);
    machine.connect(finishedLine, [space], indent);
    machine.connect(stopped, closers, stopped);
  }
  // A line that goes on is indented by two; only behind a full stop the text may end instead.
  machine.connect(stopped, [newline], finishedLine);
  machine.connect(brokenLine, [space], indent);
  machine.connect(indent, [space], begin);
  machine.inherit(finishedLine, next);
  return [start, text, stopped, brokenLine, finishedLine, indent, begin, ...wide.states];
}

function lineStates(machine: ByteMachine, next: number, isStrict: boolean): number[] {
  const [start, text] = [machine.state(), machine.state()];
  const wide = wideCharacters(machine, text, text);
  for (const from of isStrict ? [start] : [start, text]) {
    machine.connect(from, visible, text);
    connectWide(machine, from, wide);
  }
  if (!isStrict) machine.connect(text, [space], text);
  machine.connect(text, [newline], next);
  return [start, text, ...wide.states];
}

/** States inside characters of several bytes. */
interface WideCharacters {
  /** By how many bytes are missing: one, two, three. */
  readonly missing: readonly [number, number, number];
  /** After the first byte of a wide stop. */
  readonly stopLeads: ReadonlyMap<number, number>;
  readonly states: readonly number[];
}

function wideCharacters(machine: ByteMachine, text: number, stopped: number): WideCharacters {
  const missing = [machine.state(), machine.state(), machine.state()] as const;
  machine.connect(missing[0], following, text);
  machine.connect(missing[1], following, missing[0]);
  machine.connect(missing[2], following, missing[1]);
  const stopLeads = new Map<number, number>();
  const middles = new Map<number, number>();
  for (const stop of wideStops) {
    const [first, second, third] = [...Buffer.from(stop)] as [number, number, number];
    const lead = stopLeads.get(first) ?? copy(machine, missing[1]);
    stopLeads.set(first, lead);
    const middle = middles.get(first) ?? copy(machine, missing[0]);
    middles.set(first, middle);
    machine.connect(lead, [second], middle);
    machine.connect(middle, [third], stopped);
  }
  return { missing, stopLeads, states: [...missing, ...stopLeads.values(), ...middles.values()] };
}

function connectWide(machine: ByteMachine, from: number, { missing, stopLeads }: WideCharacters): void {
  for (const [i, bytes] of leads.entries()) machine.connect(from, bytes, missing[i] as number);
  for (const [first, lead] of stopLeads) machine.connect(from, [first], lead);
}

function copy(machine: ByteMachine, state: number): number {
  const twin = machine.state();
  machine.inherit(twin, state);
  return twin;
}

function byte(character: string): number {
  return character.charCodeAt(0);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}
