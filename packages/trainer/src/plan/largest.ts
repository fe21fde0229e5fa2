/** The largest whole number in [low, end) that is good, found by halving; undefined where none is. */
export async function largest(
  low: number,
  end: number,
  isGood: (value: number) => Promise<boolean>,
): Promise<number | undefined> {
  let [good, bad] = [low - 1, Math.max(low, end)];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (await isGood(middle)) good = middle;
    else bad = middle;
  }
  return good < low ? undefined : good;
}
