/** Up to so many keys are sorted by inserting: a call of `sort` costs more than three comparisons. */
const FEW = 8;

/** The names of an object's members in the order of their characters. */
export function sortedKeys(of: Readonly<Record<string, unknown>>): string[] {
  const keys = Object.keys(of);
  if (keys.length > FEW) return keys.sort();
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i]!;
    let at = i;
    for (; at > 0 && keys[at - 1]! > key; at--) keys[at] = keys[at - 1]!;
    keys[at] = key;
  }
  return keys;
}
