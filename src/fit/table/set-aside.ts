/** A column that is not used. */
export interface SetAside {
  readonly column: string;
  readonly why: 'ignored' | 'id' | 'leak' | 'empty';
  readonly detail: string;
}

/** Why it is not, and what to do where that is wrong. */
export function setAsideInWords({ column, why, detail }: SetAside): string {
  if (why === 'ignored') return 'you said so';
  if (why === 'empty') return `empty, ${detail}`;
  if (why === 'id') return `id, ${detail}; --keep ${column} uses it all the same`;
  return `leak, ${detail}: that is too good to be true, unless it was known before the outcome; if it was, --keep ${column} uses it`;
}
