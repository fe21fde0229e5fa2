/**
 * Patterns of one bar. Drum rows are steps of equal length: `x` loud, `o` soft, `.` nothing, a space is only for the eye.
 * A beat is a quarter note, in 6/8 a dotted quarter.
 *
 * @typedef {object} Genre
 * @property {string} name
 * @property {"3/4" | "4/4" | "6/8"} meter
 * @property {[number, number]} tempo beats a minute
 * @property {Record<string, string>[]} drums grooves to choose from; empty for music without drums
 * @property {string[]} bass patterns: R root, F fifth, O octave, W walking
 * @property {string[]} chords patterns: x struck, - held on, a next note of the arpeggio
 * @property {"pluck" | "pad" | "piano" | "organ" | "guitar"} sound of the chords
 * @property {number[]} [swing] share of the beat where its second half falls; 0.5 is straight
 * @property {number} [weight] how often it is drawn
 */

/** @type {readonly Genre[]} */
export const genres = [
  {
    name: "rock",
    meter: "4/4",
    tempo: [90, 170],
    drums: [
      { kick: "x... ..o. x... ....", snare: ".... x... .... x...", hat: "x.o. x.o. x.o. x.o." },
      { kick: "x... .... x.x. ....", snare: ".... x... .... x...", hat: "x... x... x... x..." },
      { kick: "x..o .... x.o. ....", snare: ".... x... .... x..o", ride: "x.o. x.o. x.o. x.o." },
    ],
    bass: ["R.R. R.R. R.R. R.R.", "R... R.R. R... F.F."],
    chords: ["x.x. x.x. x.x. x.x.", "x--- ---- x--- --x-"],
    sound: "guitar",
    weight: 2,
  },
  {
    name: "pop",
    meter: "4/4",
    tempo: [80, 135],
    drums: [
      { kick: "x... ..x. ..x. ....", snare: ".... x... .... x...", hat: "x.o. x.o. x.o. x.o." },
      { kick: "x... .... x... ....", clap: ".... x... .... x...", hat: "o.o. o.o. o.o. o.ox" },
    ],
    bass: ["R... ..R. R... ..F.", "R--- ---- R--- ----"],
    chords: ["x--- x--- x--- x---", "a.a. a.a. a.a. a.a."],
    sound: "piano",
    weight: 2,
  },
  {
    name: "ballad",
    meter: "4/4",
    tempo: [60, 90],
    drums: [
      { kick: "x... .... x.o. ....", rim: ".... x... .... x...", hat: "x.o. x.o. x.o. x.o." },
      { kick: "x... .... x... ....", snare: ".... x... .... x...", hat: "xooo xooo xooo xooo" },
    ],
    bass: ["R--- ---- F--- ----", "R--- ---- ---- R---"],
    chords: ["a.a. a.a. a.a. a.a.", "x--- ---- x--- ----"],
    sound: "piano",
    weight: 2,
  },
  {
    name: "house",
    meter: "4/4",
    tempo: [116, 132],
    drums: [
      { kick: "x... x... x... x...", clap: ".... x... .... x...", open: "..x. ..x. ..x. ..x." },
      { kick: "x... x... x... x...", clap: ".... x... .... x...", hat: "o.x. o.x. o.x. ooxo" },
    ],
    bass: ["..R. ..R. ..R. ..O.", "R.R. O.R. R.R. O.R."],
    chords: ["..x. ..x. ..x. ..x.", "x..x ..x. x..x ..x."],
    sound: "organ",
    weight: 2,
  },
  {
    name: "hip-hop",
    meter: "4/4",
    tempo: [72, 105],
    drums: [
      { kick: "x... ..x. ..x. ....", snare: ".... x... .... x...", hat: "x.x. x.x. x.x. x.x." },
      { kick: "x..x .... .xx. ....", snare: ".... x... .... x...", hat: "xoxo xoxo xoxo xoxo" },
    ],
    bass: ["R--- ..R- ..R- ----", "R--- ---- ..F- ..R-"],
    chords: ["x--- ---- ---- ----", "..x. ..x. ..x. ..x."],
    sound: "piano",
    swing: [0.5, 0.5, 0.58],
  },
  {
    name: "drum and bass",
    meter: "4/4",
    tempo: [160, 180],
    drums: [
      { kick: "x... .... ..x. ....", snare: ".... x... .... x...", hat: "x.x. x.x. x.x. x.x." },
      { kick: "x... .... ..x. ....", snare: ".... x..o .o.. x...", hat: "o.x. o.x. o.x. o.x." },
    ],
    bass: ["R--- ---- R--- ..F-", "R--- --R- ---- R---"],
    chords: ["x--- ---- ---- ----"],
    sound: "pad",
  },
  {
    name: "half-time",
    meter: "4/4",
    tempo: [128, 160],
    drums: [{ kick: "x... ..x. .... ..x.", snare: ".... .... x... ....", hat: "x.x. x.x. x.xx x.x." }],
    bass: ["R--- --R- ---- ----"],
    chords: ["x--- ---- ---- ----"],
    sound: "pad",
    weight: 0.5,
  },
  {
    name: "reggae",
    meter: "4/4",
    tempo: [66, 92],
    drums: [{ kick: ".... .... x... ....", rim: ".... .... x... ....", hat: "x.o. x.o. x.o. x.o." }],
    bass: ["R.R. ..F. R... ....", "..R. R.F. ..R. R..."],
    chords: ["..x. ..x. ..x. ..x."],
    sound: "organ",
  },
  {
    name: "bossa nova",
    meter: "4/4",
    tempo: [110, 150],
    drums: [{ kick: "x..x x..x x..x x..x", rim: "x..x ..x. ..x. .x..", hat: "xoxo xoxo xoxo xoxo" }],
    bass: ["R--- ..F- F--- ..R-"],
    chords: ["x.x. ..x. .x.. x.x."],
    sound: "pluck",
  },
  {
    name: "funk",
    meter: "4/4",
    tempo: [92, 122],
    drums: [
      { kick: "x..x ..o. ..x. .o..", snare: ".... x..o .o.. x..o", hat: "xoxo xoxo xoxo xoxo" },
      { kick: "x.x. .... ..x. .x..", snare: ".... x... .... x...", hat: "xoxo xoxo xoxo xoxo" },
    ],
    bass: ["R..R ..O. ..F. R...", "R.R. ..OR ..R. .F.."],
    chords: ["..x. .x.. ..x. .x.x"],
    sound: "guitar",
  },
  {
    name: "swing",
    meter: "4/4",
    tempo: [110, 200],
    drums: [{ kick: "o... o... o... o...", ride: "x... x.x. x... x.x.", pedal: ".... x... .... x..." }],
    bass: ["W... W... W... W..."],
    chords: ["..x. .... x... ....", "x... ..x. .... ...."],
    sound: "piano",
    swing: [0.62, 0.667],
  },
  {
    name: "punk",
    meter: "4/4",
    tempo: [155, 200],
    drums: [
      { kick: "x... ..x. x.x. ....", snare: ".... x... .... x...", hat: "x... x... x... x..." },
      { kick: "x... x... x... x...", snare: "..x. ..x. ..x. ..x.", ride: "x... x... x... x..." },
    ],
    bass: ["R.R. R.R. R.R. R.R."],
    chords: ["x.x. x.x. x.x. x.x."],
    sound: "guitar",
  },
  {
    name: "shuffle",
    meter: "4/4",
    tempo: [84, 140],
    drums: [{ kick: "x... .... x... ....", snare: ".... x... .... x...", hat: "x.o. x.o. x.o. x.o." }],
    bass: ["R.R. F.F. R.R. F.F.", "W... W... W... W..."],
    chords: ["x.x. x.x. x.x. x.x."],
    sound: "guitar",
    swing: [0.64, 0.667],
  },
  {
    name: "guitar, no drums",
    meter: "4/4",
    tempo: [70, 140],
    drums: [],
    bass: ["R--- ---- F--- ----"],
    chords: ["a.a. a.a. a.a. a.a.", "x... x.x. ..x. x.x."],
    sound: "pluck",
  },
  {
    name: "piano, no drums",
    meter: "4/4",
    tempo: [60, 120],
    drums: [],
    bass: ["R--- ---- R--- ----", "R--- F--- O--- F---"],
    chords: ["x... x... x... x...", "a.a. a.a. a.a. a.a."],
    sound: "piano",
  },
  {
    name: "waltz",
    meter: "3/4",
    tempo: [84, 190],
    drums: [
      { kick: "x... .... ....", snare: ".... o... o...", hat: "x... x... x..." },
      { kick: "x... .... ....", rim: ".... x... x...", ride: "x... x... x..." },
    ],
    bass: ["R--- .... ....", "R--- ---- F---"],
    chords: [".... x... x..."],
    sound: "piano",
    weight: 2,
  },
  {
    name: "slow three",
    meter: "3/4",
    tempo: [60, 120],
    drums: [
      { kick: "x... .... ....", snare: ".... .... x...", hat: "x.o. x.o. x.o." },
      { kick: "x... ..o. ....", snare: ".... x... ....", hat: "x.o. x.o. x.o." },
    ],
    bass: ["R--- ---- R---", "R--- F--- F---"],
    chords: ["a.a. a.a. a.a.", "x--- ---- x---"],
    sound: "guitar",
  },
  {
    name: "three, no drums",
    meter: "3/4",
    tempo: [70, 160],
    drums: [],
    bass: ["R--- .... ....", "R--- ---- ----"],
    chords: [".... x... x...", "a.a. a.a. a.a."],
    sound: "piano",
  },
  {
    name: "jazz waltz",
    meter: "3/4",
    tempo: [120, 190],
    drums: [{ kick: "x... .... ....", ride: "x... x.x. x...", pedal: ".... x... ...." }],
    bass: ["W... W... W...", "R--- ---- F---"],
    chords: ["x... ..x. ...."],
    sound: "piano",
    swing: [0.6, 0.667],
  },
  {
    name: "six-eight ballad",
    meter: "6/8",
    tempo: [60, 84],
    drums: [
      { kick: "x.. ...", snare: "... x..", hat: "xoo xoo" },
      { kick: "x.. .x.", snare: "... x..", hat: "xoo xoo" },
    ],
    bass: ["R-- --F", "R-- R--"],
    chords: ["aaa aaa", "x-- x--"],
    sound: "piano",
    weight: 2,
  },
  {
    name: "jig",
    meter: "6/8",
    tempo: [90, 135],
    drums: [{ kick: "x.. x..", rim: "..o ..o", hat: "xoo xoo" }],
    bass: ["R-- F--", "R-- R--"],
    chords: ["x.x x.x", "xxx xxx"],
    sound: "pluck",
  },
  {
    name: "six-eight rock",
    meter: "6/8",
    tempo: [64, 110],
    drums: [
      { kick: "x.. ..x", snare: "... x..", ride: "xxx xxx" },
      { kick: "x.x ...", snare: "... x..", hat: "xoo xoo" },
    ],
    bass: ["RRR RRR", "R-R F-R"],
    chords: ["x-- x--", "xxx xxx"],
    sound: "guitar",
  },
  {
    name: "six-eight, no drums",
    meter: "6/8",
    tempo: [60, 110],
    drums: [],
    bass: ["R-- ---", "R-- F--"],
    chords: ["aaa aaa", "xxx xxx"],
    sound: "pluck",
  },
];
