import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { PerennialError } from '../../../core/errors.js';
import { readTextFiles } from '../../../core/text-files.js';
import { formatFile } from '../../../rules/format.js';
import type { CommandContext } from '../../command-context.js';
import { EXIT } from '../../exit-codes.js';
import { settingsOf } from '../../open-engine.js';
import { print, printJson } from '../../terminal.js';
import { writeFile } from '../../write-file.js';

interface Options {
  readonly check?: boolean;
  readonly json?: boolean;
}

/** `perennial rules fmt`: one layout for all files; comments stay. */
export function rulesFmtCommand(context: CommandContext): Command {
  const { terminal } = context;
  return new Command('fmt')
    .description('put rule files into their one layout; comments stay')
    .argument('[paths...]', 'files and folders (PERENNIAL_RULES, ./rules)')
    .option('--check', 'change nothing; exit with 3 when a file is not in layout')
    .option('--json', 'as JSON')
    .action((paths: string[], options: Options) => {
      const roots = paths.length > 0 ? paths : [settingsOf(terminal, {}).PERENNIAL_RULES];
      const changed: string[] = [];
      for (const path of roots.flatMap(filesOf)) {
        const text = readFileSync(path, 'utf8');
        const formatted = formatFile(path, text);
        if (formatted === text) continue;
        changed.push(path);
        if (options.check !== true) writeFile(path, formatted);
      }
      if (options.check === true && changed.length > 0) context.exitCode = EXIT.check;
      if (options.json === true) printJson(terminal, { changed });
      else
        for (const path of changed) print(terminal, options.check === true ? `not in layout: ${path}` : path);
    });
}

function filesOf(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
  } catch (thrown) {
    throw new PerennialError('not_found', `There is no file or folder ${path}.`, { cause: thrown });
  }
  return [...readTextFiles(path).keys()].map((name) => join(path, name));
}
