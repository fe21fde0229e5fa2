import { textSha256 } from "../fingerprint.js";

/**
 * A file name for each song, in order: its id where that is a plain word, else the beginning of its path's checksum.
 * Names that are taken (also in other letter case, as some file systems see it) get a part of the checksum behind them.
 */
export function tensorIds(songs: readonly { readonly id: string; readonly audioFile: string }[]): string[] {
  const taken = new Set<string>();
  return songs.map(({ id, audioFile }, index) => {
    const checksum = textSha256(audioFile);
    const plain = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(id) && !isReserved(id) ? id : checksum.slice(0, 8);
    const candidates = [
      plain,
      `${plain}-${checksum.slice(0, 8)}`,
      `${plain}-${checksum.slice(0, 8)}-${index}`,
    ];
    const free = candidates.find((name) => !taken.has(name.toLowerCase())) as string;
    taken.add(free.toLowerCase());
    return free;
  });
}

/** Words Windows keeps for devices, and our own file beside the songs. */
function isReserved(id: string): boolean {
  return /^(?:con|prn|aux|nul|com\d|lpt\d|silence_latent)$/i.test(id);
}

/** A file name for each piece of each song: the song's name and the suffix, all different on every file system. */
export function pieceIds(pieces: readonly { readonly songId: string; readonly suffix: string }[]): string[] {
  const songs = new Set(pieces.map(({ songId }) => songId.toLowerCase()));
  return pieces.map(({ songId, suffix }) => {
    if (suffix === "") return songId;
    const id = songId + suffix;
    // Only a song that is called like another one's piece.
    return songs.has(id.toLowerCase()) ? `${id}-${textSha256(id).slice(0, 8)}` : id;
  });
}
