import { describe, expect, it } from 'vitest';
import { inWords } from '../../src/scoring/words.js';
import { defaultScoring } from './scoring-files.js';

describe('a feature value in words', () => {
  it.each([
    ['{value:percent}', -0.62, '-62 %'],
    ['{value:percent}', 0.12, '+12 %'],
    ['{value:percent}', 0.001, '0 %'],
    ['{value:percent}', -0.001, '0 %'],
    ['{value:percent}', 1, '+100 %'],
    ['{value:percent_plain}', 0.45, '45 %'],
    ['{value:percent_plain}', 1.1, '110 %'],
    ['{value:days}', 12, '12 days'],
    ['{value:days}', 100, '100 days'],
    ['{value:days}', 1.2, '1 day'],
    ['{value:days}', 0.5, '0.5 days'],
    ['{value:days}', 0.97, '1 day'],
    ['{value:days}', 0, '0 days'],
    ['{value:days}', -3.4, '-3 days'],
    ['{value:number}', 3.5, '3.5'],
    ['{value:number}', 30, '30'],
    ['{value:number}', -0.04, '0'],
    ['{value:signed}', 0.4, '+0.4'],
    ['{value:signed}', -0.25, '-0.25'],
    ['{value:signed}', 7, '+7'],
    ['{value:signed}', -0.001, '0'],
    ['{value:yes_no|left|stayed}', 1, 'left'],
    ['{value:yes_no|left|stayed}', 0, 'stayed'],
    ['no value at all', 5, 'no value at all'],
    ['{value:days} of {value:number}', 2, '2 days of 2'],
  ])('%s of %d is "%s"', (template, value, words) => {
    expect(inWords(template, value)).toBe(words);
  });

  it('leaves nothing in braces in any reason of the catalogue', () => {
    for (const { name, reason } of defaultScoring().catalogue.features)
      for (const value of [-1.5, 0, 0.25, 1, 400])
        expect({ name, words: inWords(reason, value) }).toEqual({
          name,
          words: expect.not.stringMatching(/[{}]|NaN|undefined/),
        });
  });
});
