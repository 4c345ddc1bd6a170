import { describe, expect, it } from 'vitest';
import { formatProblem } from '../../src/core/problem.js';
import { loadScoring, scorecardText } from '../../src/scoring/load.js';
import { recalibrated } from '../../src/scoring/recalibrated.js';
import { defaultScoring, featuresYaml, scoringOf } from './scoring-files.js';

const DEFAULT = `name: default
description: for everyone
calibration: { a: -3, b: 0.05 }
coverage_floor: 0.4
bands: { medium: 25, high: 40, critical: 55, hysteresis: 3 }
features:
  f0: { weight: 2, curve: [[0, 0], [1, 1]], why: w }
  f1: { weight: 1, steps: [[0, 0.25], [10, 1]], why: w }
`;
const SMALL = `name: small
description: for small ones
extends: default
when: { all: [{ fact: segment, operator: equal, value: smb }] }
features:
  f0: { weight: 5, why: w }
`;

function files(more: Record<string, string> = {}): Map<string, string> {
  return new Map(
    Object.entries({
      'features.yaml': featuresYaml(['number', 'number', 'boolean']),
      'scorecards/default.yaml': DEFAULT,
      ...more,
    }),
  );
}

/** Problems as people see them. */
const problemsOf = (more: Record<string, string>) => loadScoring(files(more)).problems.map(formatProblem);

describe('scoring files', () => {
  it('of the project load without a problem', () => {
    const { scorecards, catalogue } = defaultScoring();
    expect(scorecards.map(({ name }) => name)).toContain('default');
    expect(scorecards.at(-1)!.when).toBeNull();
    expect(catalogue.features.length).toBeGreaterThan(30);
  });

  it('fill in what a scorecard extends: weights are its own, curves and bands taken over', () => {
    const [small, general] = scoringOf(files({ 'scorecards/small.yaml': SMALL })).scorecards;
    expect(small).toMatchObject({ name: 'small', coverageFloor: 0.4, bands: general!.bands });
    expect(small!.features.map(({ name, weight }) => [name, weight])).toEqual([
      ['f0', 5],
      ['f1', 1],
    ]);
    expect(small!.features[0]!.shape).toEqual(general!.features[0]!.shape);
  });

  // `evaluate --card` and `compare` refused each scorecard that extends one of the folder, and named a file that nobody has.
  it('can be one scorecard for everyone, which extends those of the folder', () => {
    const { scoring, problems } = loadScoring(files(), 'scoring', { path: 'my/small.yaml', text: SMALL });
    expect(problems).toEqual([]);
    expect(scoring!.scorecards.map(({ name, when }) => [name, when])).toEqual([['small', null]]);
    expect(scoring!.scorecards[0]!.features.map(({ weight }) => weight)).toEqual([5, 1]);
    const wrong = { path: 'my/small.yaml', text: SMALL.replace('default', 'defualt') };
    expect(loadScoring(files(), 'scoring', wrong).problems.map(formatProblem)).toEqual([
      'my/small.yaml:3:10: error: There is no scorecard `defualt`. (did you mean `default`?) [unknown-scorecard]',
    ]);
  });

  // `fit` wrote a scorecard that extends the one it kept: it could not stand beside it nor in its place.
  it('can be written with another calibration, complete and with their comments', () => {
    const commented = DEFAULT.replace(
      'features:',
      'calibration_by_segment: { smb: { a: 1, b: 1 } }\n# Ours.\nfeatures:',
    );
    const before = scoringOf(files({ 'scorecards/default.yaml': commented }));
    const calibration = {
      kind: 'table',
      points: [
        [10, 0.1],
        [50, 0.5],
      ],
    } as const;
    const text = recalibrated(scorecardText(before, 'default'), {
      name: 'new',
      description: 'd',
      calibration,
    });
    expect(text).toContain('# Ours.');
    const [card] = scoringOf(files({ 'scorecards/default.yaml': text })).scorecards;
    const [given] = before.scorecards;
    expect(card).toMatchObject({ name: 'new', calibration, features: given!.features, bands: given!.bands });
    expect(card!.calibrationBySegment.size).toBe(0);
  });

  it('leave out what has weight 0', () => {
    const off = SMALL.replace('weight: 5', 'weight: 0');
    const [small] = scoringOf(files({ 'scorecards/small.yaml': off })).scorecards;
    expect(small!.features.map(({ name }) => name)).toEqual(['f1']);
  });

  it('have a revision that changes with any of them, and not with a file that is none of them', () => {
    const revision = (more: Record<string, string>) => scoringOf(files(more)).revision;
    expect(revision({ 'README.md': 'x' })).toBe(revision({}));
    expect(revision({ 'scorecards/default.yaml': `${DEFAULT}# x\n` })).not.toBe(revision({}));
  });
});

describe('a mistake in scoring files is told with its place', () => {
  const edited = (from: string, to: string) => ({ 'scorecards/default.yaml': DEFAULT.replace(from, to) });
  const at = 'scoring/scorecards/default.yaml';

  it.each([
    [
      'a feature that is not in the catalogue, with the one that was meant',
      { ...edited('f1:', 'f11:') },
      `${at}:8:3: error: There is no feature \`f11\` in scoring/features.yaml. (did you mean \`f1\`?) [unknown-feature]`,
    ],
    [
      'a curve that does not rise',
      edited('[[0, 0], [1, 1]]', '[[1, 0], [1, 1]]'),
      `${at}:7:27: error: \`features.f0.curve\`: expected feature values that rise. [schema]`,
    ],
    [
      'no curve',
      edited('curve: [[0, 0], [1, 1]], ', ''),
      `${at}:7:3: error: \`f0\` needs one of curve, steps and categories. [no-curve]`,
    ],
    [
      'both a curve and steps',
      edited('curve:', 'steps: [[0, 1]], curve:'),
      `${at}:7:3: error: \`f0\` needs one of curve, steps and categories. [no-curve]`,
    ],
    [
      'categories of a number',
      edited('curve: [[0, 0], [1, 1]]', 'categories: { monthly: 1, yearly: 0 }'),
      `${at}:7:3: error: \`f0\` is a number: it needs a curve or steps. [wrong-shape]`,
    ],
    [
      'a calibration that falls',
      edited('{ a: -3, b: 0.05 }', '{ table: [[0, 0.5], [100, 0.4]] }'),
      'expected risks that rise and probabilities that never fall: higher risk never makes renewal likelier',
    ],
    [
      'conditions on what is not known of a subscription itself',
      {
        'scorecards/small.yaml': SMALL.replace(
          'fact: segment, operator: equal, value: smb',
          'fact: risk, operator: greaterThan, value: 50',
        ),
      },
      'scoring/scorecards/small.yaml:4:23: error: There is no fact `risk`.',
    ],
    [
      'conditions with a slip',
      { 'scorecards/small.yaml': SMALL.replace('operator: equal', 'operator: equals') },
      'error: There is no operator `equals`.',
    ],
    [
      'an r beyond 1',
      edited('[1, 1]]', '[1, 1.5]]'),
      `${at}:7:40: error: Item 2 of item 2 of \`features.f0.curve\` has to be at most 1. [schema]`,
    ],
    [
      'bands out of order',
      edited('medium: 25', 'medium: 45'),
      `${at}:5:8: error: \`bands\`: expected medium < high < critical. [schema]`,
    ],
    [
      'a band that can never be left again',
      edited('hysteresis: 3', 'hysteresis: 25'),
      `${at}:5:8: error: \`bands\`: expected hysteresis < medium: a band could never be left again. [schema]`,
    ],
    [
      'a misspelt key',
      edited('coverage_floor', 'coverage_flor'),
      `${at}:4:1: error: \`coverage_flor\` is not known here. (did you mean \`coverage_floor\`?) [unknown-key]`,
    ],
    [
      'a key that nothing gives',
      edited('coverage_floor: 0.4\n', ''),
      `${at}:1:1: error: \`coverage_floor\` is missing, and nothing that it extends has it. [missing-key]`,
    ],
    [
      'a weight of 0 for every feature',
      {
        'scorecards/default.yaml': DEFAULT.replace('weight: 2', 'weight: 0').replace(
          'weight: 1',
          'weight: 0',
        ),
      },
      `${at}:7:3: error: No feature has a weight above 0. [no-features]`,
    ],
    [
      'a parent that is not there',
      { 'scorecards/small.yaml': SMALL.replace('extends: default', 'extends: defualt') },
      'scoring/scorecards/small.yaml:3:10: error: There is no scorecard `defualt`. (did you mean `default`?) [unknown-scorecard]',
    ],
    [
      'a second default',
      {
        'scorecards/small.yaml': SMALL.replace(
          'when: { all: [{ fact: segment, operator: equal, value: smb }] }\n',
          '',
        ),
      },
      'scoring/scorecards/small.yaml:1:1: error: Exactly one scorecard must be without `when`, for everyone else; there are 2. [one-default]',
    ],
    [
      'no default',
      edited('calibration', 'when: { all: [{ fact: product, operator: equal, value: crm }] }\ncalibration'),
      `${at}:1:1: error: Exactly one scorecard must be without \`when\`, for everyone else; there are 0. [one-default]`,
    ],
    [
      'a name used twice',
      { 'scorecards/other.yaml': DEFAULT },
      'scoring/scorecards/other.yaml:1:7: error: There is another scorecard named `default`. [duplicate-name]',
    ],
    [
      'a feature named like a column of the contract',
      { 'features.yaml': featuresYaml(['number', 'number']).replace('name: f1', 'name: seats') },
      'scoring/features.yaml:4:13: error: `seats` is already the name of a column of the contract. [duplicate-name]',
    ],
    [
      'a range that begins with its largest value',
      {
        'features.yaml': featuresYaml(['number', 'number']).replace('reason: r', 'reason: r, range: [5, 1]'),
      },
      'expected the smallest value first',
    ],
    [
      'a place in a reason that no value has',
      {
        'features.yaml': featuresYaml(['number', 'number']).replace('reason: r', 'reason: "{vlaue:number}"'),
      },
      'expected nothing in braces but {value:number} and the other forms of a value',
    ],
    [
      'a key that belongs to another operation',
      {
        'features.yaml': `${featuresYaml(['number', 'number'])}measures:\n  logins: { op: count, of: usage.*, having: { role: admin } }\n`,
      },
      "error: `having` can't stand beside what is chosen here. [unknown-key]",
    ],
  ])('%s', (_what, more: Record<string, string>, expected) => {
    expect(problemsOf(more).join('\n')).toContain(expected);
  });

  it('scorecards that extend one another in a circle, each of them', () => {
    const a = SMALL.replace('name: small', 'name: a').replace('extends: default', 'extends: b');
    const b = SMALL.replace('name: small', 'name: b').replace('extends: default', 'extends: a');
    expect(problemsOf({ 'scorecards/a.yaml': a, 'scorecards/b.yaml': b })).toEqual([
      'scoring/scorecards/a.yaml:3:10: error: The scorecards extend one another in a circle. [circular]',
      'scoring/scorecards/b.yaml:3:10: error: The scorecards extend one another in a circle. [circular]',
    ]);
  });

  it('a folder without features, and one without scorecards', () => {
    expect(loadScoring(new Map()).problems.map(formatProblem)).toEqual([
      'scoring/features.yaml:1:1: error: There is no such file. [no-features]',
    ]);
    const alone = new Map([['features.yaml', featuresYaml(['number'])]]);
    expect(loadScoring(alone).problems.map(({ code }) => code)).toEqual(['no-scorecard']);
  });

  it('several mistakes all at once', () => {
    const wrong = DEFAULT.replace('f1:', 'f9:').replace('curve: [[0, 0], [1, 1]], ', '');
    expect(problemsOf({ 'scorecards/default.yaml': wrong }).length).toBe(2);
  });
});
