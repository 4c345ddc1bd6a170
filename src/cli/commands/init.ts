import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { PerennialError } from '../../core/errors.js';
import { makeFolder } from '../../core/make-folder.js';
import type { CommandContext } from '../command-context.js';
import { print } from '../terminal.js';

const PACKAGE = fileURLToPath(new URL('../../../', import.meta.url));

/** What each template is made of, in the package: later sources win. Signal types are the same for all. */
const TEMPLATES = {
  saas: { scoring: ['scoring'], rules: ['rules'] },
  membership: template('membership'),
  goods: template('goods'),
} as const;

function template(name: string) {
  return {
    scoring: ['scoring/signals.yaml', `templates/${name}/scoring`],
    rules: [`templates/${name}/rules`],
  };
}

/** Editors find the schemas of the files beside them. */
const SCHEMA = 'schema';

interface Options {
  readonly template: keyof typeof TEMPLATES;
}

export function initCommand({ terminal }: CommandContext): Command {
  return new Command('init')
    .description('begin with scoring and rules for a kind of business, as files of your own')
    .argument('[folder]', 'where to write them', '.')
    .addOption(
      new Option('--template <name>', 'the kind of business')
        .choices(Object.keys(TEMPLATES))
        .default('saas' satisfies Options['template']),
    )
    .addHelpText(
      'after',
      `
saas        software sold by subscription to companies, with seats, owners, support and renewals
membership  memberships and media: what people visit, watch, read or take part in
goods       goods delivered again and again: orders, skips, returns

Writes scoring/, rules/ (with tests) and schema/ (for completion in editors). Overwrites nothing. Weights are practice written
down, fitted to nobody's data: perennial scorecard fit and calibrate do that once there are outcomes.

Examples:
  perennial init my-business --template membership
  cd my-business && perennial up
`,
    )
    .action((folder: string, options: Options) => {
      const { scoring, rules } = TEMPLATES[options.template];
      const parts = { scoring, rules, [SCHEMA]: [SCHEMA] };
      const taken = Object.keys(parts).filter((part) => existsSync(join(folder, part)));
      if (taken.length > 0)
        throw new PerennialError(
          'failed_precondition',
          `${taken.map((part) => join(folder, part)).join(', ')} ${taken.length === 1 ? 'is' : 'are'} there already.`,
          { hint: 'Name another folder, or move them away: init overwrites nothing.' },
        );
      for (const [part, sources] of Object.entries(parts)) write(join(folder, part), sources);
      print(terminal, `Wrote ${Object.keys(parts).join(', ')} in ${folder}, for ${options.template}.`);
      print(terminal, '\nWhat to type next');
      if (folder !== '.') print(terminal, `  cd ${folder}`);
      print(terminal, '  perennial rules check && perennial rules test');
      print(terminal, '  perennial up');
    });
}

/** Copies folders and files of the package into a new folder. */
function write(target: string, sources: readonly string[]): void {
  makeFolder(target);
  for (const source of sources) {
    const name = source.endsWith('.yaml') ? source.slice(source.lastIndexOf('/')) : '';
    cpSync(join(PACKAGE, source), join(target, name), { recursive: true });
  }
}
