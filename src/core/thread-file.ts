import { fileURLToPath } from 'node:url';

/**
 * The file that a thread runs, by its place beside a module. Where the sources run as they are, as in tests, it is what was built of
 * them: a thread reads no TypeScript.
 */
export function threadFile(name: string, besides: string): string {
  const path = fileURLToPath(new URL(`${name}.js`, besides));
  return besides.endsWith('.ts') ? path.replace(/([\\/])src([\\/](?!.*[\\/]src[\\/]))/, '$1dist$2') : path;
}
