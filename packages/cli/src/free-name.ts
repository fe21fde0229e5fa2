import { existsSync } from "node:fs";

/** `song.wav`, or `song-2.wav` and so on where that is taken: a name for what is new. */
export function freeName(stem: string, ending = "", isTaken: (name: string) => boolean = existsSync): string {
  const name = (count: number) => `${stem}${count === 1 ? "" : `-${count}`}${ending}`;
  let count = 1;
  while (isTaken(name(count))) count += 1;
  return name(count);
}

/** The name where none was given. What was made before is kept: nobody named it to be written over. */
export function defaultName(stem: string, ending: string, replace: boolean): string {
  return replace ? `${stem}${ending}` : freeName(stem, ending);
}
