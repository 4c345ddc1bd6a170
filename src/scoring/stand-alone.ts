import type { Problem } from '../core/problem.js';
import { checkYaml, problemAt, readYaml } from '../core/yaml-file.js';
import type { FeatureCategory } from '../features/catalogue.js';
import { calibrationOf } from './calibration.js';
import type { ScorecardChooser } from './choose-scorecards.js';
import type { Scorecard } from './scorecard.js';
import { scorecardFileSchema } from './scorecard.js';
import { shapeOf } from './shape-of.js';

/** A scorecard and the features it names, without a catalogue: to score tables that have a column for each. */
export interface StandAloneScoring {
  readonly scorecards: readonly [Scorecard];
  readonly choose: ScorecardChooser;
  readonly catalogue: {
    readonly features: readonly { readonly name: string; readonly category: FeatureCategory }[];
  };
}

/** Reads one scorecard file on its own. It must not extend another. */
export function readStandAlone(
  path: string,
  text: string,
): { scoring: StandAloneScoring | undefined; problems: readonly Problem[] } {
  const file = readYaml(path, text);
  const { data, problems } = checkYaml(file, scorecardFileSchema);
  if (data === undefined) return { scoring: undefined, problems };
  const found: Problem[] = [];
  if (data.extends !== undefined)
    found.push(
      problemAt(file, ['extends'], 'extends', 'A scorecard that stands alone can not extend another.'),
    );
  for (const key of ['calibration', 'coverage_floor', 'bands'] as const)
    if (data[key] === undefined) found.push(problemAt(file, [], 'missing-key', `\`${key}\` is missing.`));
  const features = Object.entries(data.features)
    .filter(([, { weight }]) => weight > 0)
    .flatMap(([name, feature], index) => {
      const shape = shapeOf(feature);
      if (shape === undefined) {
        found.push(
          problemAt(
            file,
            ['features', name],
            'no-curve',
            `\`${name}\` needs one of curve, steps and categories.`,
            {
              key: true,
            },
          ),
        );
        return [];
      }
      return [{ name, index, weight: feature.weight, shape, missing: feature.missing ?? null }];
    });
  if (features.length === 0 && found.length === 0)
    found.push(problemAt(file, ['features'], 'no-features', 'No feature has a weight above 0.'));
  const { calibration, coverage_floor: coverageFloor, bands } = data;
  const applicableFloor = data.applicable_floor ?? 0;
  if (found.length > 0 || calibration === undefined || coverageFloor === undefined || bands === undefined)
    return { scoring: undefined, problems: found };
  const card: Scorecard = {
    name: data.name,
    description: data.description,
    when: null,
    calibration: calibrationOf(calibration),
    calibrationBySegment: new Map(),
    coverageFloor,
    applicableFloor,
    bands,
    features,
  };
  return {
    scoring: {
      scorecards: [card],
      choose: ({ length }) => new Int32Array(length),
      catalogue: { features: features.map(({ name }) => ({ name, category: 'contract' })) },
    },
    problems: [],
  };
}
