import { useEffect } from "preact/hooks";

/** Keys of the room: space plays and pauses, Ctrl-S writes what is typed. */
export function useKeys({ onPlay, onSave }: { onPlay: () => void; onSave: () => void }): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      const isSave = event.key.toLowerCase() === "s" && (event.ctrlKey || event.metaKey) && !event.altKey;
      const isPlay =
        event.key === " " && !event.ctrlKey && !event.metaKey && !event.altKey && isFree(event.target);
      if (!isSave && !isPlay) return;
      event.preventDefault();
      if (isSave) onSave();
      else onPlay();
    };
    addEventListener("keydown", pressed);
    return () => {
      removeEventListener("keydown", pressed);
    };
  });
}

/** Where space has no meaning of its own. */
function isFree(target: EventTarget | null): boolean {
  if (!(target instanceof Element) || target.closest(".song-table .name") !== null) return true;
  return target.closest("input, textarea, select, button, a, audio, summary, [contenteditable]") === null;
}
