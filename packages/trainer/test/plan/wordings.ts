/** A song's wordings where its captions are two and its fields may be left empty: as preprocessing lists them. */
export const wordings = [
  { caption: 0, lyrics: true },
  { caption: 1, lyrics: true },
  { caption: null, lyrics: true },
  { caption: 0, lyrics: false },
  { caption: 1, lyrics: false },
  { caption: null, lyrics: false },
];
