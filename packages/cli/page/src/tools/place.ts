import { useEffect, useState } from "preact/hooks";

/** Where one is in the page, as the address says after the #: `dataset?path=songs/dataset.json`. */
export interface Place {
  readonly room: string;
  readonly words: Readonly<Record<string, string>>;
}

export function placeOf(hash: string): Place {
  const [room = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  return { room, words: Object.fromEntries(new URLSearchParams(query)) };
}

/** A link to a place. */
export function linkTo(room: string, words: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams({ ...words }).toString();
  return `#/${room}${query === "" ? "" : `?${query}`}`;
}

export function goTo(room: string, words: Readonly<Record<string, string>> = {}): void {
  location.hash = linkTo(room, words);
}

export function usePlace(): Place {
  const [place, setPlace] = useState(() => placeOf(location.hash));
  useEffect(() => {
    const moved = (): void => {
      setPlace(placeOf(location.hash));
    };
    addEventListener("hashchange", moved);
    return () => {
      removeEventListener("hashchange", moved);
    };
  }, []);
  return place;
}
