import { expect } from 'vitest';
import { checkYaml, readYaml } from '../../src/core/yaml-file.js';
import type { FeatureCategory } from '../../src/features/catalogue.js';
import { calibrationOf } from '../../src/scoring/calibration.js';
import { type Scorecard, scorecardFileSchema } from '../../src/scoring/scorecard.js';
import { shapeOf } from '../../src/scoring/shape-of.js';

/** A fitted file as the engine reads it, without a catalogue: its features are the columns of the table it was fitted to. */
export function standAloneScoring(text: string) {
  const { data, problems } = checkYaml(readYaml('fitted.yaml', text), scorecardFileSchema);
  expect(problems).toEqual([]);
  const { name, description, calibration, coverage_floor, bands, applicable_floor, features } = data!;
  const category: FeatureCategory = 'contract';
  const card: Scorecard = {
    name,
    description,
    when: null,
    calibration: calibrationOf(calibration!),
    calibrationBySegment: new Map(),
    coverageFloor: coverage_floor!,
    applicableFloor: applicable_floor ?? 0,
    bands: bands!,
    features: Object.entries(features).map(([name, feature], index) => ({
      name,
      index,
      weight: feature.weight,
      shape: shapeOf(feature)!,
      missing: feature.missing ?? null,
    })),
  };
  return {
    scorecards: [card] as const,
    choose: ({ length }: { readonly length: number }) => new Int32Array(length),
    catalogue: { features: card.features.map(({ name }) => ({ name, category })) },
  };
}
