import { z } from "zod";
import { jsonBy } from "../http/json-answer.js";
import type { ServiceClient } from "../http/service-client.js";
import type { SongIdentity } from "../runs/song-identity.js";
import { languageCode } from "../transcripts/language-code.js";
import { lyricsOf, simplifySectionHeaders } from "../transcripts/lyrics-text.js";
import { lyricsOfPage } from "./genius-page.js";
import type { Provider } from "./provider.js";

const Hit = z.looseObject({
  type: z.string().optional(),
  result: z.looseObject({
    title: z.string(),
    path: z.string().regex(/^\/[^/\\]/, "a path below the site was expected"),
    primary_artist: z.looseObject({ name: z.string() }),
    language: z.string().nullish(),
    lyrics_state: z.string().optional(),
  }),
});
const Answer = z.looseObject({ response: z.looseObject({ hits: z.array(Hit) }) });
type Hit = z.infer<typeof Hit>;

/**
 * Lyrics that people wrote down on Genius: searched by artist and title, read from the song's page.
 *
 * @param api asked with the token; @param pages the site, asked without it
 */
export function genius(api: ServiceClient, pages: ServiceClient): Provider {
  return {
    name: "genius",
    model: "search",
    origin: api.origin,
    gives: ["lyrics", "language"],
    sendsAudio: false,
    callsPerSong: 2,
    warnings: [],
    async annotate({ identity }, signal) {
      const { artist, title } = identity;
      if (artist === undefined || title === undefined) {
        const what = `the song has no artist${title === undefined ? " and no title" : ""} to search for (tags, or "Artist - Title" as its name; --default-artist)`;
        throw api.refusal(what);
      }
      const path = `search?${new URLSearchParams({ q: `${artist} ${title}` }).toString()}`;
      const found = await api.send({ method: "GET", path, accept: "json", signal }, jsonBy(api, Answer));
      const { result } = bestHit(api, found.response.hits, { artist, title });
      if (result.lyrics_state === "instrumental") return { lyrics: "" };
      const page = { method: "GET", path: result.path, accept: "html", mayBeAbsent: true, signal } as const;
      const lyrics = await pages.send(page, ({ text }) => lyricsOfPage(text));
      if (lyrics === undefined) throw pages.refusal(`the page ${result.path} holds no lyrics`);
      const language = languageCode(result.language ?? undefined);
      return {
        ...(language === undefined ? {} : { language }),
        lyrics: lyricsOf(simplifySectionHeaders(lyrics)).text,
        notes: [`${result.primary_artist.name} - ${result.title}`],
      };
    },
  };
}

/** The first hit that is this song: the search answers something to everything. */
function bestHit(
  api: ServiceClient,
  hits: readonly Hit[],
  song: Required<Pick<SongIdentity, "artist" | "title">>,
): Hit {
  const songs = hits.filter(({ type }) => type === undefined || type === "song");
  const { artist = "", title = "" } = song;
  const fits = songs.find(
    ({ result }) => isSame(result.title, title) && isSame(result.primary_artist.name, artist),
  );
  if (fits !== undefined) return fits;
  const [first] = songs;
  const nearest =
    first === undefined ? "" : `; nearest is "${first.result.primary_artist.name} - ${first.result.title}"`;
  throw api.refusal(`has no song "${artist} - ${title}"${nearest}`);
}

/** Names that are equal, or one of them the whole words of the other's beginning: "Two Times (Remix)" is "Two Times". */
function isSame(one: string, other: string): boolean {
  const [a, b] = [plain(one), plain(other)].sort((x, y) => x.length - y.length) as [string, string];
  return a !== "" && (a === b || b.startsWith(`${a} `));
}

function plain(name: string): string {
  return name
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/['\u2018\u2019]/g, "")
    .replace(/&/g, " and ")
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .replace(/^the /, "")
    .trim();
}
