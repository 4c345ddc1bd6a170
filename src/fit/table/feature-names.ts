/** Names that scorecards can use, for columns as tables name them: `MonthlyCharges` becomes `monthly_charges`. */
export function featureNamesFor(titles: readonly string[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>();
  for (const title of titles) {
    const words = title
      .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
      .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
      .normalize('NFKD')
      .replace(/\p{M}/gu, '')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '_')
      .replace(/^_+|_+$/g, '');
    const plain = (/^[a-z]/.test(words) ? words : `f_${words || 'column'}`).slice(0, 58);
    let name = plain;
    for (let n = 2; taken.has(name); n++) name = `${plain}_${n}`;
    taken.add(name);
    names.set(title, name);
  }
  return names;
}
