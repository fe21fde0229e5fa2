import { useEffect, useMemo, useState } from "preact/hooks";
import { Desk, type DeskState } from "./desk.js";

/** How often the file is looked at: commands and other tabs write it too. */
const lookMs = 2500;

/** Desks that are worked on, and those that were left with text on them that could not be written: it waits there. */
const desks = new Map<string, Desk>();

/** Whether something is typed anywhere that is not in its file. */
export function hasUnsaved(): boolean {
  return [...desks.values()].some(({ state }) => Object.keys(state.drafts).length > 0);
}

/** The desk for a dataset, drawn again whenever something on it changes. */
export function useDesk(path: string): { desk: Desk; state: DeskState } {
  const desk = useMemo(() => deskFor(path), [path]);
  const [, draw] = useState(0);
  useEffect(() => {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = desk.listen(() => {
      draw((turn) => turn + 1);
    });
    const look = async (): Promise<void> => {
      await desk.look();
      // A page that nobody looks at need not ask.
      if (!over) timer = setTimeout(() => void look(), document.hidden ? 4 * lookMs : lookMs);
    };
    void look();
    return () => {
      over = true;
      clearTimeout(timer);
      stop();
      void leave(desk);
    };
  }, [desk]);
  return { desk, state: desk.state };
}

function deskFor(path: string): Desk {
  if (desks.size === 0) addEventListener("beforeunload", warnOfUnsaved);
  const desk = desks.get(path) ?? new Desk(path);
  desks.set(path, desk);
  return desk;
}

/** Another room is entered: what was typed is written, as leaving the field does, or else kept until one comes back. */
async function leave(desk: Desk): Promise<void> {
  await desk.saveAll();
  if (Object.keys(desk.state.drafts).length > 0 || desks.get(desk.path) !== desk || desk.isHeard) return;
  desks.delete(desk.path);
  if (desks.size === 0) removeEventListener("beforeunload", warnOfUnsaved);
}

function warnOfUnsaved(event: BeforeUnloadEvent): void {
  if (hasUnsaved()) event.preventDefault();
}
