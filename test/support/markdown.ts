import { readFileSync } from 'node:fs';
import { projectFile } from './project.js';

/** The fenced blocks of a language in a page of the project, in order: what docs promise, for tests to run. */
export function fencedBlocks(page: string, language: string): string[] {
  const text = readFileSync(projectFile(page), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    (match) => match[1]!,
  );
}

/** The fenced blocks that carry a name after their language, by "language name". */
export function namedBlocks(page: string): ReadonlyMap<string, string> {
  const text = readFileSync(projectFile(page), 'utf8');
  return new Map([...text.matchAll(/^```(\w+ \S+)\n(.*?)^```$/gms)].map((match) => [match[1]!, match[2]!]));
}
