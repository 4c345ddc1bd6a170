import { DECISION_FIELDS, type Decision } from '../../../decisions/decision.js';

/** A decision as `--json` prints it: every time as RFC 3339 text. */
export function decisionJson(decision: Decision): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(DECISION_FIELDS).map(([name, { kind }]) => {
      const value = decision[name as keyof Decision];
      const isTime = kind === 'time' || kind === 'optional_time';
      return [name, isTime && value !== null ? new Date(value as number).toISOString() : value];
    }),
  );
}
