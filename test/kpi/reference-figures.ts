import { DAY_MS, type Millis } from '../../src/core/clock.js';
import { exponentOf } from '../../src/core/money.js';
import type { Life } from './random-business.js';
import { type Contract, contractOf, firstBegan, stateAt } from './reference.js';
import { RATES, type TestDecision } from './support.js';

/*
 * The figures of renewals, attempts to save, scores and rules by the textbook, in plain loops over the lives of contracts.
 */

type Row = Readonly<Record<string, string | number | boolean | null>>;

/** A life with what all figures need: its customer, and when it ran. */
interface Known extends Life {
  readonly customer: string;
  /** Every account that had it. */
  readonly accounts: ReadonlySet<string>;
  readonly contract: Contract;
}

const known = (life: Life): Known => ({
  ...life,
  customer: life.versions.at(-1)!.accountId,
  accounts: new Set(life.versions.map(({ accountId }) => accountId)),
  contract: contractOf(life.versions),
});

const text = (time: Millis) => new Date(time).toISOString().replace('T', ' ').slice(0, 23);
const date = (time: Millis) => new Date(time).toISOString().slice(0, 10);
const month = (time: Millis) => `${date(time).slice(0, 7)}-01`;
const major = (minor: number | null, currency: string) => {
  const exponent = exponentOf(currency);
  return minor === null || exponent === null ? null : minor / 10 ** exponent;
};
const times = (value: number | null, factor: number | null | undefined) =>
  value === null || factor === null || factor === undefined ? null : value * factor;
const midnight = (day: string) => Date.parse(`${day}T00:00:00Z`);

/** Groups rows, and adds them up. */
function grouped<T>(
  all: readonly T[],
  keyOf: (one: T) => string,
  rowOf: (of: readonly T[]) => Row,
): Map<string, Row> {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return new Map([...groups].map(([key, of]) => [key, rowOf(of)]));
}
const sum = (values: readonly (number | null)[]) =>
  values.reduce<number>((total, value) => total + (value ?? 0), 0);
/** What is known of it; null where there is something, and nothing of it is known. */
const sumOfKnown = (values: readonly (number | null)[]) =>
  values.length > 0 && values.every((value) => value === null) ? null : sum(values);

export function forecastOf(lives: readonly Life[], present: Millis): Map<string, Row> {
  const due = lives.flatMap((life) => {
    const risk = life.risks.findLast(({ asOf, renewal }) => asOf === present && renewal !== undefined);
    if (risk === undefined || risk.renewal === null || midnight(risk.renewal!) < present) return [];
    const { autoRenew, noticeDays, owner } = life.versions.at(-1)!;
    const said = life.outcomes
      .filter(({ kind }) => ['cancel_intent', 'cancel_intent_withdrawn', 'renewed', 'churned'].includes(kind))
      .sort((a, b) => a.occurredAt - b.occurredAt || (a.kind < b.kind ? -1 : 1));
    const noticed = present >= midnight(risk.renewal!) - (noticeDays ?? 0) * DAY_MS;
    const committed = autoRenew === true && noticed && said.at(-1)?.kind !== 'cancel_intent';
    const arr = major(risk.arrMinor, risk.currency!);
    const chance = committed ? 1 : risk.probability;
    return [{ risk, owner, committed, arr, reporting: times(arr, RATES.get(risk.currency!)), chance }];
  });
  return grouped(
    due,
    ({ risk, owner }) => [month(midnight(risk.renewal!)), owner, risk.segment, risk.currency].join(' '),
    (of) => ({
      due: of.length,
      at_risk: of.filter(({ risk }) => ['high', 'critical'].includes(risk.band)).length,
      not_known: of.filter(({ arr, chance }) => arr === null || chance === null).length,
      arr_due: sumOfKnown(of.map(({ arr }) => arr)),
      arr_expected: sumOfKnown(of.map(({ arr, chance }) => times(arr, chance))),
      arr_committed: sumOfKnown(of.filter(({ committed }) => committed).map(({ arr }) => arr)),
      not_known_reporting: of.filter(({ reporting, chance }) => reporting === null || chance === null).length,
      arr_due_reporting: sumOfKnown(of.map(({ reporting }) => reporting)),
      arr_expected_reporting: sumOfKnown(of.map(({ reporting, chance }) => times(reporting, chance))),
      arr_committed_reporting: sumOfKnown(
        of.filter(({ committed }) => committed).map(({ reporting }) => reporting),
      ),
    }),
  );
}

export function contractValuesOf(lives: readonly Life[], present: Millis): Map<string, Row> {
  return new Map(
    lives.flatMap(({ subscriptionId, versions }): [string, Row][] => {
      const { status, start, end, currency, arrMinor, termMonths, accountId } = versions.at(-1)!;
      if (status !== 'active' || (end !== null && end <= present)) return [];
      const known = start !== null && end !== null ? Math.round((end - start) / DAY_MS / 30.4375) : null;
      const [arr, months] = [major(arrMinor, currency), termMonths ?? known];
      const years = months === null || months === 0 ? null : months / 12;
      const acv = years === null ? null : arr;
      return [
        [
          subscriptionId,
          {
            account_id: accountId,
            term_years: years,
            arr,
            contract_value: times(arr, years),
            acv,
            acv_reporting: times(acv, RATES.get(currency)),
          },
        ],
      ];
    }),
  );
}

/** What was presented, and wishes to leave, each with what became of it. */
export function saveAttemptsOf(lives: readonly Life[], present: Millis): Map<string, Row> {
  return new Map(
    lives.map(known).flatMap((life) => {
      const { customer: account_id, subscriptionId: subscription_id, contract, decisions, outcomes } = life;
      const row = (
        at: Millis,
        attempt: string,
        of: Partial<TestDecision>,
        answer: string,
        answeredAt: Millis | null,
      ) => {
        const then = stateAt(contract, at);
        const ran = (days: number) => {
          const time = (answeredAt ?? at) + days * DAY_MS;
          return time > present ? null : stateAt(contract, time) !== null;
        };
        const good = ['accepted', 'resolved', 'withdrawn', 'renewed'].includes(answer);
        const saved = (days: number) => (ran(days) === null ? null : good && ran(days));
        const fields: Row = {
          account_id,
          subscription_id,
          attempt,
          action: of.action ?? '',
          rule: of.rule ?? '',
          answer,
          answered_at: answeredAt === null ? null : text(answeredAt),
          arr: then?.arr ?? null,
          currency: then?.currency ?? '',
          active_30: ran(30),
          active_90: ran(90),
          saved_30: saved(30),
          saved_90: saved(90),
        };
        return [`${subscription_id} ${attempt} ${text(at)}`, fields] as const;
      };
      const shown = decisions.filter(({ presentedAt }) => presentedAt !== undefined);
      const intents = outcomes.filter(({ kind }) => kind === 'cancel_intent');
      return [
        ...shown.map(({ kind, status, presentedAt, answeredAt, action, rule }) => {
          const answer = ['accepted', 'declined', 'resolved'].includes(status) ? status : '';
          return row(presentedAt!, kind, { action, rule }, answer, answer === '' ? null : answeredAt!);
        }),
        ...intents.map(({ occurredAt: at }) => {
          const next = shown
            .filter(({ presentedAt }) => presentedAt! >= at && presentedAt! <= at + 30 * DAY_MS)
            .sort((a, b) => a.presentedAt! - b.presentedAt!)[0];
          const answer = outcomes
            .filter(
              ({ kind, occurredAt }) =>
                occurredAt >= at && ['cancel_intent_withdrawn', 'renewed', 'churned'].includes(kind),
            )
            .sort((a, b) => a.occurredAt - b.occurredAt || (a.kind < b.kind ? -1 : 1))[0];
          const what = answer?.kind.replace('cancel_intent_', '') ?? '';
          return row(at, 'cancel_intent', next ?? {}, what, answer?.occurredAt ?? null);
        }),
      ];
    }),
  );
}

/** How terms ended: every outcome of the test names its term, and every term ends once. */
function termsOf(lives: readonly Known[]) {
  return lives.flatMap((life) =>
    life.outcomes
      .filter(({ kind }) => kind === 'renewed' || kind === 'churned')
      .map(({ kind, termEnd, occurredAt }) => {
        const due = termEnd!;
        const others = lives.filter(({ customer }) => customer === life.customer);
        const replaced = others.some(({ contract }) => {
          const first = firstBegan(contract);
          return first !== null && date(first) === date(due);
        });
        const result = kind === 'renewed' ? 'renewed' : replaced ? 'replaced' : 'churned';
        return { life, due, occurredAt, result };
      }),
  );
}

export function timeToRenewalOf(lives: readonly Life[]): Map<string, Row> {
  const all = lives.map(known);
  return new Map(
    termsOf(all).map(({ life, due, occurredAt: closed, result }) => {
      const { subscriptionId } = life;
      const touches = all.flatMap(({ touches, decisions }) => [
        ...touches.map((it) => ({ ...it, at: it.occurredAt, what: it.type })),
        ...decisions.flatMap((it) =>
          it.presentedAt === undefined ? [] : [{ ...it, at: it.presentedAt, what: it.kind }],
        ),
      ]);
      const first = touches
        .filter(
          (it) =>
            life.accounts.has(it.accountId) &&
            (it.subscriptionId === '' || it.subscriptionId === subscriptionId) &&
            it.at <= closed &&
            it.at > closed - 180 * DAY_MS,
        )
        .sort((a, b) => a.at - b.at)[0];
      return [
        `${subscriptionId} ${date(due)}`,
        {
          account_id: life.customer,
          result,
          first_touch_at: first === undefined ? null : text(first.at),
          days: first === undefined ? null : (closed - first.at) / DAY_MS,
          days_before_due: (midnight(date(due)) - midnight(date(closed))) / DAY_MS,
        },
      ];
    }),
  );
}

const LEADS = [30, 60, 90, 120];

function scoredTerms(lives: readonly Life[]) {
  return termsOf(lives.map(known)).flatMap(({ life, due, result }) =>
    LEADS.flatMap((lead) => {
      const at = due - lead * DAY_MS;
      const risk = life.risks.findLast(({ asOf }) => asOf <= at && asOf > at - 45 * DAY_MS);
      return risk === undefined ? [] : [{ life, due, lead, risk, lost: result === 'churned' }];
    }),
  );
}

export function scoreOutcomesOf(lives: readonly Life[]): Map<string, Row> {
  return new Map(
    scoredTerms(lives).map(({ life, due, lead, risk, lost }) => [
      `${life.subscriptionId} ${date(due)} ${lead}`,
      {
        account_id: life.customer,
        renewed: !lost,
        as_of: text(risk.asOf),
        band: risk.band,
        risk: risk.risk ?? 50,
        renewal_probability: risk.probability,
      },
    ]),
  );
}

export function leadingIndicatorsOf(lives: readonly Life[]): Map<string, Row> {
  const values = scoredTerms(lives).flatMap(({ lead, risk, lost }) =>
    Object.entries(risk.features!).map(([feature, value]) => ({ feature, lead, value, lost })),
  );
  return grouped(
    values,
    ({ feature, lead }) => `${feature} ${lead}`,
    (of) => {
      const of_ = (lost: boolean) =>
        of.flatMap((it) => (it.value === null || it.lost !== lost ? [] : [it.value]));
      const [stayed, left] = [of_(false), of_(true)];
      const mean = (all: readonly number[]) => (all.length === 0 ? null : sum(all) / all.length);
      /** Pair by pair: a lost term with a higher value than a renewed one counts 1, an equal one half. */
      const wins = sum(left.flatMap((a) => stayed.map((b) => (a > b ? 1 : a === b ? 0.5 : 0))));
      return {
        terms: of.length,
        known: stayed.length + left.length,
        churned: left.length,
        mean_renewed: mean(stayed),
        mean_churned: mean(left),
        auc: stayed.length * left.length === 0 ? null : wins / (stayed.length * left.length),
      };
    },
  );
}

export function decisionsByRuleOf(lives: readonly Life[]): Map<string, Row> {
  const all = lives.flatMap(({ decisions, suppressions }) => [
    ...decisions.map((it) => ({ ...it, at: it.openedAt, suppressed: false })),
    ...suppressions.map((it) => ({ ...it, at: it.asOf, kind: 'offer', suppressed: true })),
  ]);
  return grouped(
    all,
    ({ at, rule, kind, action }) => [month(at), rule, kind, action].join(' '),
    (of) => {
      const opened = of.flatMap((it) =>
        'status' in it && it.status !== 'held_out' ? [it as TestDecision] : [],
      );
      const subscriptions = (
        some: readonly { readonly accountId: string; readonly subscriptionId: string }[],
      ) => new Set(some.map(({ accountId, subscriptionId }) => `${accountId} ${subscriptionId}`)).size;
      const count = (...statuses: string[]) =>
        opened.filter(({ status }) => statuses.includes(status)).length;
      const open = opened.filter(({ closedAt }) => closedAt === undefined);
      const accepted = opened.filter(({ status }) => status === 'accepted');
      const cost = ({ costMinor = 0, currency = 'EUR' }: TestDecision) =>
        costMinor === 0 ? 0 : times(major(costMinor, currency), RATES.get(currency));
      const presented = opened.filter(({ presentedAt }) => presentedAt !== undefined).length;
      return {
        fired: subscriptions(of),
        opened: opened.length,
        suppressed: subscriptions(of.filter(({ suppressed }) => suppressed)),
        still_open: open.length,
        presented,
        accepted: accepted.length,
        declined: count('declined'),
        expired: count('expired', 'lapsed'),
        resolved: count('resolved'),
        cleared: count('cleared'),
        acceptance_rate: presented === 0 ? null : accepted.length / presented,
        cost_spent_reporting: sumOfKnown(accepted.map(cost)),
        cost_reserved_reporting: sumOfKnown(open.map(cost)),
        cost_not_known: [...accepted, ...open].filter((it) => cost(it) === null).length,
      };
    },
  );
}
