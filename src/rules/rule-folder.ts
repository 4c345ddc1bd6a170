import { type FolderListing, isTextFile } from '../core/text-files.js';

/**
 * Which files of a rules folder are what. All YAML and JSON files at any depth are rule files or, by their names, offers,
 * guardrails, currencies or experiments; what is in a folder `tests` is rule tests. Paths are relative to the rules folder,
 * with "/" between names.
 */
export type FileKind = 'rules' | 'offers' | 'guardrails' | 'currencies' | 'experiments';

const NAMED: readonly FileKind[] = ['offers', 'guardrails', 'currencies', 'experiments'];

/** What a file of the set holds, by its name. */
export function kindOfFile(path: string): FileKind {
  const name = baseName(path).toLowerCase();
  return NAMED.find((kind) => kind === name) ?? 'rules';
}

/** The name of a file without its folders and its ending. */
export function baseName(path: string): string {
  return path.replace(/^.*\//, '').replace(/\.[^.]*$/, '');
}

/** Whether a file belongs to the rule set. Editors' hidden and backup files do not. */
export function isRuleSetFile(path: string): boolean {
  return isTextFile(path) && !isHidden(path) && !isInTests(path);
}

/** Whether a file holds rule tests. */
export function isRuleTestFile(path: string): boolean {
  return isTextFile(path) && !isHidden(path) && isInTests(path);
}

/** The files that make up the set, in order of their paths: those that its revision covers. */
export function ruleSetFiles(files: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...files].filter(([path]) => isRuleSetFile(path)).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Files that nobody reads and that may have been meant: `guardrails.yaml.off`, `rules.txt`. Pages for people are left out. */
export function unreadFiles({ paths }: Pick<FolderListing, 'paths'>): string[] {
  return paths.filter((path) => !isTextFile(path) && !isInTests(path) && !FOR_PEOPLE.test(path));
}

/** Pages, licences, owners of files, and what editors leave behind. */
const FOR_PEOPLE = /\.md$|(^|\/)(README|LICENSE|LICENCE|NOTICE|OWNERS|CODEOWNERS)[^/]*$|~$|\.sw[op]$|#$/i;

function isInTests(path: string): boolean {
  return /(^|\/)tests\//.test(path);
}

function isHidden(path: string): boolean {
  return path.split('/').some((part) => part.startsWith('.'));
}
