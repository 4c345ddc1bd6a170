import { distance } from 'fastest-levenshtein';

/** "did you mean `x`?" for the nearest of the known names, or undefined when none is near. */
export function didYouMean(name: string, known: Iterable<string>): string | undefined {
  const best = nearest(name, known);
  return best === undefined ? undefined : `did you mean \`${best}\`?`;
}

/** The nearest of the known names, or undefined when none is near. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.ceil(name.length / 3)) + 1;
  // An iterator can be walked once only.
  const names = [...known];
  const sameLetters = names.find((candidate) => candidate.toLowerCase() === name.toLowerCase());
  if (sameLetters !== undefined) return sameLetters;
  for (const candidate of names) {
    const d = distance(name, candidate);
    if (d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best ?? sharingWords(name, names);
}

/** The nearest name that has at least half of the words of `name`, such as `adoption_breadth` for `featrue_breadth`. */
function sharingWords(name: string, known: readonly string[]): string | undefined {
  const words = name.split('_').filter((word) => word.length >= 4);
  let best: string | undefined;
  let bestShared = Math.max(1, words.length / 2);
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const shared = candidate.split('_').filter((word) => words.includes(word)).length;
    const d = distance(name, candidate);
    if (shared > bestShared || (shared === bestShared && d < bestDistance)) {
      best = candidate;
      bestShared = shared;
      bestDistance = d;
    }
  }
  return best;
}
