import { DateTime } from 'luxon';
import { DAY_MS, type Millis } from '../core/clock.js';
import type { OutcomeKind } from '../signals/subscription.js';
import { type Account, type Contract, drawAccount, type Period } from './account.js';
import type { Episode } from './latent.js';
import {
  CONTRACTION,
  DECAY_DAYS,
  DISCOUNT,
  EXPANSION,
  LEAVING,
  MIDTERM_EXPANSION,
  PROCESS_MODEL,
  PROCESSES,
  type Process,
  SEGMENT_MODEL,
  SEVERITY,
  type Segment,
  UPLIFT,
} from './model.js';
import { Random } from './random.js';
import { drawRenewal, isWilling, type Renewal } from './renewal.js';

/** One term of a subscription, from its start to its renewal, and how that renewal went. */
export interface Term {
  readonly start: Millis;
  readonly renewal: Millis;
  /** At the term's end, before the renewal changes them. */
  readonly seats: number;
  readonly arrMinor: number;
  readonly decision: Renewal;
  readonly outcome: Extract<OutcomeKind, 'renewed' | 'churned' | 'contracted' | 'expanded'>;
  /** After the renewal; 0 when there was none. */
  readonly arrAfterMinor: number;
  readonly upliftPct: number;
  readonly discount: { readonly pct: number; readonly months: number } | null;
  /** Episodes felt in this term: its own, the account's champion losses, and what is left of those before. */
  readonly episodes: readonly Episode[];
}

/** The contract as it stands from a time on. */
export interface ContractState {
  readonly at: Millis;
  readonly status: 'active' | 'ended';
  readonly seats: number;
  readonly arrMinor: number;
  readonly renewal: Millis;
  readonly autoRenew: boolean;
}

/** Everything about a subscription that its signals follow from. */
export interface SubscriptionLife {
  readonly contract: Contract;
  readonly terms: readonly Term[];
  /** In order of time; the first holds from the contract's start or the period's, whichever is later. */
  readonly states: readonly ContractState[];
  /** Seats bought within a term: when, and ARR before and after. */
  readonly expansions: readonly { at: Millis; arrBeforeMinor: number; arrAfterMinor: number }[];
  /** Every episode of every term. */
  readonly episodes: readonly Episode[];
  /** From here on there are no signals. Infinity while it runs on past the period. */
  readonly endsAt: Millis;
}

export interface AccountLife extends Account {
  readonly subscriptions: readonly SubscriptionLife[];
  readonly championLosses: readonly Episode[];
}

/**
 * Draws what becomes of an account: contracts, latent processes, renewals. It has a random stream of its own, apart from
 * the one of the signals, so that the truth can be written without generating a single signal.
 */
export function drawLife(seed: number, index: number, period: Period): AccountLife {
  const random = new Random(seed, index, 'life');
  const account = drawAccount(random, index, period);
  const championLosses = drawChampionLosses(random, account.segment, period);
  const subscriptions = account.contracts.map((contract) =>
    drawSubscription(random, account.segment, contract, championLosses, period),
  );
  return { ...account, subscriptions, championLosses };
}

export function addMonths(at: Millis, months: number): Millis {
  return DateTime.fromMillis(at, { zone: 'utc' }).plus({ months }).toMillis();
}

/** People leave whatever the contract says: one sequence of episodes for the account, not bound to terms. */
function drawChampionLosses(random: Random, segment: Segment, period: Period): Episode[] {
  const { onset } = PROCESS_MODEL.champion_loss;
  const losses: Episode[] = [];
  if (onset.kind !== 'rate') return losses;
  let at = period.start - 180 * DAY_MS;
  for (;;) {
    at += random.exponential(365 / onset.perYear[segment]) * DAY_MS;
    if (at >= period.end) return losses;
    const loss = drawEpisode(random, 'champion_loss', at, at + 365 * DAY_MS);
    losses.push(loss);
    at = loss.until;
  }
}

function drawEpisode(random: Random, process: Process, onset: Millis, latest: Millis): Episode {
  const { recovery } = PROCESS_MODEL[process];
  const severity = random.between(...SEVERITY);
  const recovers = random.chance(recovery.share);
  const lasts = random.lognormal(recovery.medianDays, 0.4) * DAY_MS;
  return {
    process,
    onset: Math.floor(onset),
    until: Math.floor(recovers ? Math.min(latest, onset + lasts) : latest),
    severity,
  };
}

/** At most one episode of each process in a term. */
function drawEpisodes(random: Random, segment: Segment, start: Millis, renewal: Millis): Episode[] {
  const episodes: Episode[] = [];
  for (const process of PROCESSES) {
    if (process === 'champion_loss') continue;
    const { onset } = PROCESS_MODEL[process];
    let at: Millis;
    if (onset.kind === 'rate') {
      at = start + random.exponential(365 / onset.perYear[segment]) * DAY_MS;
    } else {
      const happens = random.chance(onset.probability[segment]);
      const before = renewal - random.between(...onset.days) * DAY_MS;
      at = happens ? Math.max(start, before) : Number.POSITIVE_INFINITY;
    }
    if (at < renewal) episodes.push(drawEpisode(random, process, at, renewal));
  }
  return episodes;
}

function drawSubscription(
  random: Random,
  segment: Segment,
  contract: Contract,
  championLosses: readonly Episode[],
  period: Period,
): SubscriptionLife {
  const model = SEGMENT_MODEL[segment];
  let number = 0;
  while (addMonths(contract.start, (number + 1) * contract.termMonths) <= period.start) number += 1;

  let { seats, arrMinor, autoRenew } = contract;
  const terms: Term[] = [];
  const states: ContractState[] = [];
  const expansions: SubscriptionLife['expansions'][number][] = [];
  const all: Episode[] = [...championLosses];
  for (;;) {
    const start = addMonths(contract.start, number * contract.termMonths);
    const renewal = addMonths(contract.start, (number + 1) * contract.termMonths);
    const fresh = drawEpisodes(random, segment, start, renewal);
    all.push(...fresh);
    const felt = start - 4 * DECAY_DAYS * DAY_MS;
    const episodes = all.filter(({ onset, until }) => onset < renewal && until > felt);
    const state = (at: Millis): ContractState => ({
      at: Math.max(at, period.start),
      status: 'active',
      seats,
      arrMinor,
      renewal,
      autoRenew,
    });
    states.push(state(start));

    const growth = fresh.find(({ process }) => process === 'growth');
    const buys = random.chance(MIDTERM_EXPANSION.share);
    const more = 1 + random.between(...MIDTERM_EXPANSION.seats);
    if (growth !== undefined && buys) {
      const at = growth.onset + MIDTERM_EXPANSION.days * DAY_MS;
      // Nobody buys seats while deciding whether to stay, so what follows stays in order of time.
      const decides = renewal - (model.decisionDays + model.noticeDays) * DAY_MS;
      if (at < growth.until && at < decides) {
        const before = { seats, arrMinor };
        seats = Math.max(seats + 1, Math.round(seats * more));
        arrMinor = Math.round((arrMinor * seats) / before.seats);
        if (at >= period.start) {
          states.push(state(at));
          expansions.push({ at, arrBeforeMinor: before.arrMinor, arrAfterMinor: arrMinor });
        } else {
          states[states.length - 1] = state(start);
        }
      }
    }

    const resented = fresh.some(({ process }) => process === 'price');
    const [least, most] = resented ? UPLIFT.resented : UPLIFT.usual;
    const upliftPct = Math.round(random.between(least, most) * 10) / 10;
    const discounted = random.chance(DISCOUNT.share);
    const discount = { pct: random.int(...DISCOUNT.pct), months: random.int(...DISCOUNT.months) };
    const decision = drawRenewal(random, model, { start, renewal, months: contract.termMonths }, all);
    const size = drawSize(random, decision);
    const disables = random.chance(LEAVING.autoRenewDisabled);
    if (autoRenew && disables && isWilling(decision)) {
      autoRenew = false;
      states.push(state(decision.left?.at ?? renewal));
    }
    const newSeats = Math.max(1, Math.round(seats * size.factor));
    const kind = newSeats === seats && size.outcome !== 'churned' ? 'renewed' : size.outcome;
    const newArr = Math.round((arrMinor * newSeats * (1 + upliftPct / 100)) / seats);
    // A smaller contract at a higher price can be worth more than before: then it is no contraction.
    const outcome = kind === 'contracted' && newArr >= arrMinor ? 'renewed' : kind;
    terms.push({
      start,
      renewal,
      seats,
      arrMinor,
      decision,
      outcome,
      arrAfterMinor: outcome === 'churned' ? 0 : newArr,
      upliftPct,
      discount: discounted ? discount : null,
      episodes,
    });
    if (outcome === 'churned') {
      states.push({ ...state(renewal), status: 'ended', autoRenew: false });
      return { contract, terms, states, expansions, episodes: all, endsAt: renewal };
    }
    if (renewal >= period.end) {
      return { contract, terms, states, expansions, episodes: all, endsAt: Number.POSITIVE_INFINITY };
    }
    seats = newSeats;
    arrMinor = newArr;
    number += 1;
  }
}

/** What a renewal does to the number of seats. */
function drawSize(random: Random, decision: Renewal): { outcome: Term['outcome']; factor: number } {
  const u = random.uniform();
  const amount = random.uniform();
  if (!decision.renewed) return { outcome: 'churned', factor: 1 };
  const pain = decision.hazard - decision.hazardBy.baseline;
  const fewer = Math.min(CONTRACTION.most, CONTRACTION.least + CONTRACTION.by * pain);
  const more = Math.min(EXPANSION.most, EXPANSION.least + EXPANSION.by * decision.growth);
  const within = ([low, high]: readonly [number, number]) => low + (high - low) * amount;
  if (u < fewer) return { outcome: 'contracted', factor: 1 - within(CONTRACTION.seats) };
  if (u < fewer + more * (1 - fewer)) return { outcome: 'expanded', factor: 1 + within(EXPANSION.seats) };
  return { outcome: 'renewed', factor: 1 };
}
