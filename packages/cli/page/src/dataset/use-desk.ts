import { useEffect, useMemo, useState } from "preact/hooks";
import { Desk, type DeskState } from "./desk.js";

/** How often the file is looked at: commands and other tabs write it too. */
const lookMs = 2500;

/** The desk for a dataset, drawn again whenever something on it changes. */
export function useDesk(path: string): { desk: Desk; state: DeskState } {
  const desk = useMemo(() => new Desk(path), [path]);
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
    const leave = (event: BeforeUnloadEvent): void => {
      if (Object.keys(desk.state.drafts).length > 0) event.preventDefault();
    };
    addEventListener("beforeunload", leave);
    return () => {
      over = true;
      clearTimeout(timer);
      stop();
      removeEventListener("beforeunload", leave);
      // Another room is entered: what was typed is written, as leaving the field does.
      void desk.saveAll();
    };
  }, [desk]);
  return { desk, state: desk.state };
}
