// Decide, with as many decisions in the store as are asked for.
import { create, toBinary } from '@bufbuild/protobuf';
import { DecideRequestSchema, Moment } from '../dist/client/index.js';
import { quantile } from './harness.mjs';

const PATH = '/perennial.v1.DecisionService/Decide';
let requests = 0;

/** Median of the milliseconds of a Decide, one after the other, after some to warm up. */
export async function decideP50(call, client, ids, count = 60, warm = 15) {
  const times = [];
  for (let i = 0; i < count + warm; i++) {
    const request = create(DecideRequestSchema, {
      subscriptionId: ids[i % ids.length],
      moment: i % 2 === 0 ? Moment.CANCEL_INTENT : Moment.CANCEL_INTENT_WITHDRAWN,
      reason: 'bench',
      requestId: `bench-${++requests}`,
    });
    const asked = performance.now();
    await call(client, PATH, Buffer.from(toBinary(DecideRequestSchema, request)));
    if (i >= warm) times.push(performance.now() - asked);
  }
  return quantile(times, 0.5);
}

/** Puts closed decisions of other accounts into a store, copies of one that it has. */
export async function seedDecisions(store, count, atOnce = 250_000) {
  for (let from = 0; from < count; from += atOnce) {
    const rows = Math.min(atOnce, count - from);
    await store.command(
      `INSERT INTO decision_event_log SELECT * EXCEPT (number) REPLACE (
         concat('seeded-', toString(intDiv(number, 4))) AS account_id, concat('seeded-', toString(intDiv(number, 4)), '-1') AS subscription_id,
         lower(hex(MD5(toString(number)))) AS decision_id, 2 AS version, 'lapsed' AS status, toDateTime64(opened_at + INTERVAL 30 DAY, 3, 'UTC') AS closed_at,
         NULL AS timer_at)
       FROM (SELECT * FROM decision_event_log LIMIT 1) AS one CROSS JOIN (SELECT number FROM numbers(${from}, ${rows})) AS n`,
    );
  }
}
