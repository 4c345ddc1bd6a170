import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Expected } from '../../src/signals/json-records.js';
import type { Message } from '../../src/signals/message.js';
import { parseMessage } from '../../src/signals/parse.js';
import type { Parsed } from '../../src/signals/parsed.js';
import { plainOutcome, plainSignal, plainSubscription } from '../../src/signals/serialise.js';
import { REJECTION_REASONS } from '../../src/signals/signal.js';
import { context, json } from './forms.js';
import { corpus, mutate, mutations } from './mutations.js';

// `npm run fuzz:signals` sets this to a million.
const CASES = Number(process.env.FUZZ_CASES ?? 20_000);
const SEED = fc.readConfigureGlobal().seed!;
const TIMEOUT = 60_000 + CASES;

const at = context();
const expected = fc.constantFrom<Expected>('signal', 'subscription', 'outcome', 'any');
const reasons: ReadonlySet<string> = new Set(REJECTION_REASONS);
const seen = new Map<string, number>();

/** Either a reason, or a record that survives being written and read once more. */
function judge(message: Message, parsed: Parsed): void {
  const outcome = parsed.kind === 'rejection' ? parsed.rejection.reason : parsed.kind;
  seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
  if (parsed.kind === 'rejection') {
    const { reason, detail, raw } = parsed.rejection;
    if (
      !reasons.has(reason) ||
      reason === 'internal_error' ||
      detail === '' ||
      raw.length > message.body.length
    ) {
      throw new Error(`not a proper rejection: ${JSON.stringify(parsed.rejection)}`);
    }
    return;
  }
  if (parsed.kind === 'retraction' || parsed.kind === 'tombstone') return;
  const again = json(
    parsed.kind === 'signal'
      ? plainSignal(parsed.signal)
      : parsed.kind === 'subscription'
        ? plainSubscription(parsed.subscription)
        : plainOutcome(parsed.outcome),
  );
  const second = parseMessage(again, parsed.kind, { ...at, receivedAt: at.receivedAt });
  if (JSON.stringify(second) !== JSON.stringify(parsed)) expect(second).toEqual(parsed);
}

describe('whatever comes in is accepted or refused with a reason, and nothing is thrown', () => {
  const messages = corpus(SEED);

  test('mutated messages', { timeout: TIMEOUT }, () => {
    fc.assert(
      fc.property(fc.nat(messages.length - 1), mutations, expected, (index, how, as) => {
        const message = mutate(messages[index]!, how);
        judge(message, parseMessage(message, as, at));
      }),
      { numRuns: CASES },
    );
    // Proves that the mutations reach past the first checks, and that not everything is refused.
    for (const outcome of [
      'signal',
      'subscription',
      'outcome',
      'not_json',
      'not_utf8',
      'bad_time',
      'bad_number',
      'out_of_range',
      'too_deep',
    ]) {
      expect(seen.get(outcome) ?? 0, `${outcome} with seed ${SEED}`).toBeGreaterThan(0);
    }
    if (process.env.FUZZ_CASES !== undefined) {
      console.log(
        `${CASES} mutated messages, seed ${SEED}:`,
        Object.fromEntries([...seen].sort((a, b) => b[1] - a[1])),
      );
    }
  });

  test('arbitrary bytes in any form', { timeout: TIMEOUT }, () => {
    const contentType = fc.constantFrom(
      '',
      'application/protobuf',
      'application/cloudevents+json',
      'application/json',
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), contentType, expected, (body, type, as) => {
        const message = { body, headers: { 'content-type': type } };
        judge(message, parseMessage(message, as, at));
      }),
      { numRuns: CASES / 4 },
    );
  });

  test('arbitrary JSON', { timeout: TIMEOUT }, () => {
    const names = fc.constantFrom(
      'id',
      'source',
      'type',
      'time',
      'data',
      'subject',
      'value',
      'attributes',
      '__proto__',
      'kind',
    );
    const object = fc.dictionary(
      names,
      fc.oneof(fc.jsonValue(), fc.constantFrom('usage.x', '2025-01-01T00:00:00Z')),
    );
    fc.assert(
      fc.property(object, expected, (value, as) => {
        const message = json(value);
        judge(message, parseMessage(message, as, at));
      }),
      { numRuns: CASES / 4 },
    );
  });
});
