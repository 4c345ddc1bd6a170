import { type Command, Option } from 'commander';
import type { Millis } from '../../../core/clock.js';
import { DECISION_STATUSES, type DecisionStatus } from '../../../decisions/decision.js';
import { OPEN_STATUSES } from '../../../decisions/lifecycle.js';
import { EVENT_TYPES, type EventType } from '../../../rules/event.js';
import type { DecisionFilter } from '../../../store/decision-list.js';
import { duration, time } from '../../arguments.js';

/** Flags that choose decisions, the same for every command. */
export interface FilterFlags {
  readonly status?: readonly DecisionStatus[];
  readonly kind?: readonly EventType[];
  readonly rule?: readonly string[];
  readonly action?: readonly string[];
  readonly account?: string;
  readonly subscription?: string;
  readonly owner?: string;
  readonly waitsFor?: string;
  readonly openedSince?: Millis;
  readonly openedBefore?: Millis;
  readonly unconfirmed?: Millis;
  readonly overdue?: boolean;
}

export function addFilterFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--status <status...>', 'only these statuses (default: the open ones)').choices(
        DECISION_STATUSES,
      ),
    )
    .addOption(new Option('--kind <kind...>', 'only these kinds').choices(EVENT_TYPES))
    .option('--rule <rule...>', 'only what these rules opened')
    .option('--action <action...>', 'only these offers or topics')
    .option('--account <id>', 'only this account')
    .option('--subscription <id>', 'only this subscription')
    .option('--owner <name>', 'only of this owner')
    .option('--waits-for <what>', 'only what waits for approval by this guardrail, or by the brake')
    .option('--opened-since <time>', 'only what opened from this time on', time)
    .option('--opened-before <time>', 'only what opened before this time', time)
    .option(
      '--unconfirmed <duration>',
      'only offers that were accepted longer ago than this, such as 7d, and that billing has not confirmed',
      duration,
    )
    .option('--overdue', 'only what its owner should have acted upon by now');
}

/** Whether any flag chooses decisions. */
export function isFiltered(flags: FilterFlags): boolean {
  const { status, kind, rule, action, account, subscription, owner, waitsFor, ...times } = flags;
  const { openedSince, openedBefore, unconfirmed, overdue } = times;
  return [
    status,
    kind,
    rule,
    action,
    account,
    subscription,
    owner,
    waitsFor,
    openedSince,
    openedBefore,
    unconfirmed,
    overdue,
  ].some((flag) => flag !== undefined);
}

/** `statuses`: what is looked at where no flag says. */
export function filterOf(
  flags: FilterFlags,
  limit: number,
  now: Millis,
  statuses: readonly DecisionStatus[] = OPEN_STATUSES,
): DecisionFilter {
  const { status, kind, rule, action, account, subscription, owner, waitsFor } = flags;
  const unconfirmed = flags.unconfirmed === undefined ? undefined : now - flags.unconfirmed;
  return {
    statuses: status ?? (unconfirmed === undefined ? statuses : []),
    limit,
    ...(kind === undefined ? {} : { kinds: kind }),
    ...(rule === undefined ? {} : { rules: rule }),
    ...(action === undefined ? {} : { actions: action }),
    ...(account === undefined ? {} : { accountId: account }),
    ...(subscription === undefined ? {} : { subscriptionId: subscription }),
    ...(owner === undefined ? {} : { owner }),
    ...(waitsFor === undefined ? {} : { waitsFor }),
    ...(flags.openedSince === undefined ? {} : { openedSince: flags.openedSince }),
    ...(flags.openedBefore === undefined ? {} : { openedBefore: flags.openedBefore }),
    ...(unconfirmed === undefined ? {} : { unconfirmedBefore: unconfirmed }),
    ...(flags.overdue === true ? { overdue: true } : {}),
  };
}
