import { formatMoney } from '../core/money.js';
import type { Risk } from '../engine/risk.js';

/** An amount in minor units as lists show it: "EUR 12,300". Empty where not known. */
export function money(minor: number | null, currency: string): string {
  return minor === null ? '' : formatMoney(minor, currency, { whole: true });
}

/** A probability as people read it: "81 %", or "not known". */
export function percent(probability: number | null): string {
  return probability === null ? 'not known' : `${(100 * probability).toFixed(0)} %`;
}

/** A risk as people read it: "62.5", or "not known". */
export function riskText({ risk }: Pick<Risk, 'risk'>): string {
  return risk?.toFixed(1) ?? 'not known';
}

/** The reasons that add most to a risk, in words. */
export function topReasons(risk: Risk, most: number): string[] {
  return risk.contributions
    .filter(({ points, reason }) => points > 0 && reason !== '')
    .slice(0, most)
    .map(({ reason }) => reason);
}
