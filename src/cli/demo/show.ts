import { DAY_MS, type Millis } from '../../core/clock.js';
import { toMajor } from '../../core/money.js';
import type { PassSummary } from '../../engine/pass.js';
import type { Questions } from '../../engine/questions.js';
import { BANDS } from '../../scoring/scorecard.js';
import { countBands } from '../../store/risk-state.js';
import type { Store } from '../../store/store.js';
import { print, printTable, type Terminal } from '../terminal.js';
import { money, percent, riskText, topReasons } from '../words.js';

/** Number and ARR by band. Currencies are not added up: there are no exchange rates here. */
export async function showRisks(terminal: Terminal, store: Store): Promise<void> {
  const rows = await countBands(store);
  const currencies = [...new Set(rows.map(({ currency }) => currency))].sort();
  printTable(
    terminal,
    ['band', 'subscriptions', ...currencies.map((currency) => `ARR in ${currency}`)],
    [...BANDS].reverse().map((band) => {
      const ofBand = rows.filter((row) => row.band === band);
      const arr = (currency: string) => {
        const row = ofBand.find((one) => one.currency === currency);
        if (row?.arrMinor === null) return 'not known';
        return Math.round(toMajor(row?.arrMinor ?? 0, currency) ?? 0);
      };
      return [band, ofBand.reduce((sum, row) => sum + row.subscriptions, 0), ...currencies.map(arr)];
    }),
  );
}

/** The renewals ahead with the highest risk, with their reasons. Returns the first one's subscription. */
export async function showMostAtRisk(
  terminal: Terminal,
  questions: Questions,
  asOf: Millis,
): Promise<string> {
  const risks = await questions.risks({ renewalFrom: asOf, renewalTo: asOf + 120 * DAY_MS }, 10);
  for (const risk of risks) {
    const renewal = risk.renewal === null ? '' : new Date(risk.renewal).toISOString().slice(0, 10);
    print(
      terminal,
      `${terminal.colors.bold(riskText(risk).padStart(5))} ${risk.band.padEnd(8)} ${risk.subscriptionId}  renews ${renewal}, ` +
        `${percent(risk.renewalProbability)} likely, ARR ${money(risk.arrMinor, risk.currency)}`,
    );
    print(terminal, `      ${topReasons(risk, 3).join('; ')}`);
  }
  return risks[0]?.subscriptionId ?? '';
}

/** What was opened, by kind and action, and what was suppressed, by guardrail. */
export async function showDecisions(terminal: Terminal, store: Store, summary: PassSummary): Promise<void> {
  const decisions = await store.rows<{
    kind: string;
    action: string;
    status: string;
    n: number;
    reason: string;
  }>(
    `SELECT kind, action, status, count() AS n, argMin(arrayStringConcat(arraySlice(reasons, 1, 2), '; '), decision_id) AS reason FROM decisions
     WHERE status IN ('open', 'pending_approval') GROUP BY kind, action, status ORDER BY kind, n DESC, action, status`,
  );
  print(terminal, `${summary.opened} opened now.\n`);
  printTable(
    terminal,
    ['kind', 'action', 'status', 'open', 'for instance because'],
    decisions.map((row) => [row.kind, row.action, row.status, row.n, row.reason]),
  );
  const held = await store.rows<{ guardrail: string; n: number; reason: string }>(
    'SELECT guardrail, count() AS n, argMin(reason, (subscription_id, rule)) AS reason FROM suppressions GROUP BY guardrail ORDER BY n DESC, guardrail',
  );
  print(terminal, `\n${summary.suppressed} suppressed by guardrails now.\n`);
  printTable(
    terminal,
    ['guardrail', 'suppressed', 'for instance because'],
    held.map((row) => [row.guardrail, row.n, row.reason]),
  );
}

/** Retention of the year, and what became of decisions: the figures that docs/sql.md explains. */
export async function showFigures(terminal: Terminal, store: Store): Promise<void> {
  const [year] = await store.rows<{
    nrr: number | null;
    grr: number | null;
    churn: number | null;
    currency: string;
  }>(
    `SELECT nrr, grr, churn_rate AS churn, (SELECT any(reporting) FROM currencies) AS currency FROM retention
     WHERE period = 'year' AND month = (SELECT month FROM present)`,
  );
  if (year !== undefined)
    print(
      terminal,
      `Over the last 12 months: net revenue retention ${percent(year.nrr)}, gross ${percent(year.grr)}, ${percent(year.churn)} of the customers lost.\n`,
    );
  const rules = await store.rows<{
    rule: string;
    opened: number;
    presented: number;
    accepted: number;
    resolved: number;
    spent: number | null;
  }>(
    `SELECT rule, sum(r.opened) AS opened, sum(r.presented) AS presented, sum(r.accepted) AS accepted, sum(r.resolved) AS resolved,
       sum(r.cost_spent_reporting) AS spent
     FROM decisions_by_rule AS r GROUP BY rule HAVING opened > 0 ORDER BY opened DESC, rule LIMIT 8`,
  );
  printTable(
    terminal,
    [
      'rule',
      'opened',
      'seen',
      'accepted',
      'resolved',
      `spent in ${year?.currency ?? 'the reporting currency'}`,
    ],
    rules.map((row) => [
      row.rule,
      row.opened,
      row.presented,
      row.accepted,
      row.resolved,
      row.spent === null ? 'not known' : Math.round(row.spent),
    ]),
  );
}
