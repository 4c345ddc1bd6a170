import { readFileSync } from 'node:fs';
import { projectFile } from './project.js';

/** The fenced blocks of a language in a page of the project, in order: what docs promise, for tests to run. */
export function fencedBlocks(page: string, language: string): string[] {
  const text = readFileSync(projectFile(page), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    (match) => match[1]!,
  );
}
