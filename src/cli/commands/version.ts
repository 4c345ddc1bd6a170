import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { CommandContext } from '../command-context.js';
import { print, printJson } from '../terminal.js';

/** Perennial's own version, from package.json. */
export function perennialVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}

export function versionCommand({ terminal }: CommandContext): Command {
  return new Command('version')
    .description('print the version')
    .option('--json', 'as JSON')
    .action((options: { json?: boolean }) => {
      const version = perennialVersion();
      if (options.json === true) printJson(terminal, { version });
      else print(terminal, version);
    });
}
