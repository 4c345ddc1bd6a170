import { z } from 'zod';

/** How a risk becomes a probability. */
export type Calibration =
  | { readonly kind: 'logistic'; readonly a: number; readonly b: number }
  /** Points of [risk, probability of not renewing], both rising; straight in between and flat outside. */
  | { readonly kind: 'table'; readonly points: readonly (readonly [number, number])[] };

const logistic = z.strictObject({
  a: z.number().describe('Intercept.'),
  b: z
    .number()
    .positive('expected a number above 0: higher risk never makes renewal likelier')
    .describe('Slope per point of risk, above 0.'),
});

const table = z.strictObject({
  table: z
    .array(z.tuple([z.number().min(0).max(100), z.number().min(0).max(1)]))
    .min(2)
    .max(64)
    .refine(
      (points) => points.every((p, i) => i === 0 || (p[0] > points[i - 1]![0] && p[1] >= points[i - 1]![1])),
      'expected risks that rise and probabilities that never fall: higher risk never makes renewal likelier',
    )
    .describe('[risk, probability of not renewing]; straight between the points, flat outside.'),
});

export const calibrationSchema = z
  .union([logistic, table])
  .describe(
    'How risk becomes a probability: { a, b } for renewal_probability = 1 - 1 / (1 + exp(-(a + b * risk))), or a table.',
  );
export type CalibrationSource = z.infer<typeof calibrationSchema>;

export function calibrationOf(source: CalibrationSource): Calibration {
  return 'table' in source
    ? { kind: 'table', points: source.table }
    : { kind: 'logistic', a: source.a, b: source.b };
}

/** As scorecard files have it. */
export function calibrationSource(calibration: Calibration): string {
  return calibration.kind === 'logistic'
    ? `{ a: ${calibration.a}, b: ${calibration.b} }`
    : `{ table: ${JSON.stringify(calibration.points)} }`;
}

export function renewalProbability(calibration: Calibration, risk: number): number {
  if (calibration.kind === 'logistic') return 1 - 1 / (1 + Math.exp(-(calibration.a + calibration.b * risk)));
  const { points } = calibration;
  const above = points.findIndex(([from]) => from > risk);
  if (above === 0) return 1 - points[0]![1];
  if (above < 0) return 1 - points.at(-1)![1];
  const [[fromRisk, from], [toRisk, to]] = [points[above - 1]!, points[above]!];
  return 1 - (from + ((to - from) * (risk - fromRisk)) / (toRisk - fromRisk));
}
