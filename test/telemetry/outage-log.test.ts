import { expect, it } from 'vitest';
import { PerennialError } from '../../src/core/errors.js';
import { createLogger } from '../../src/telemetry/log.js';
import { OutageLog } from '../../src/telemetry/outage-log.js';

const away = new PerennialError('unavailable', 'It does not answer.');

function outage() {
  const lines: (string | undefined)[][] = [];
  const write = (line: string) => {
    const { level, msg, reason } = JSON.parse(line);
    lines.push([level, msg, reason]);
  };
  const time = { now: 0 };
  const log = new OutageLog(
    createLogger('info', { write }),
    { begin: 'It fails', end: 'It works' },
    () => time.now,
  );
  return { log, lines, time };
}

it('an outage is one warning and one line of good news, with a reminder every ten minutes', () => {
  const { log, lines, time } = outage();
  log.recovered();
  for (let i = 0; i < 5; i++) log.failed(away);
  expect(lines).toEqual([['warn', 'It fails', 'It does not answer.']]);
  time.now += 600_000;
  log.failed(away);
  expect(lines).toHaveLength(2);
  log.recovered();
  log.recovered();
  expect(lines.at(-1)).toEqual(['info', 'It works', undefined]);
  expect(lines).toHaveLength(3);
});

it('a defect is an error, also in the middle of an outage', () => {
  const { log, lines } = outage();
  log.failed(away);
  log.failed(new TypeError('x is not a function'));
  expect(lines.at(-1)).toEqual(['error', 'It fails', 'x is not a function']);
});

// Bug: with a full disk two kinds took turns, and each try was a line.
it('kinds of fault that take turns are said once each', () => {
  const { log, lines } = outage();
  for (let i = 0; i < 3; i++) {
    log.failed(away);
    log.failed(new Error('No space.'));
  }
  expect(lines.map(([level]) => level)).toEqual(['warn', 'error']);
});

// Bug: what was given up since partitions changed hands, or the process stopped, looked like a failure.
it('what was cancelled is no failure', () => {
  const { log, lines } = outage();
  log.failed(new PerennialError('cancelled', 'The group was given out anew.'));
  log.recovered();
  expect(lines).toEqual([]);
});
