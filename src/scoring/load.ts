import type { Fact } from '../columns/fact.js';
import { revisionOf } from '../core/identity.js';
import { didYouMean } from '../core/nearest-name.js';
import type { Problem } from '../core/problem.js';
import { checkYaml, problemAt, readYaml, type YamlFile } from '../core/yaml-file.js';
import { type FeatureCatalogue, featureFacts, readFeatureCatalogue } from '../features/catalogue.js';
import { knownTypesOf } from '../features/known-types.js';
import { checkConditions } from '../rules/check-conditions.js';
import { calibrationOf } from './calibration.js';
import { type ScorecardChooser, scorecardChooser } from './choose-scorecards.js';
import { type Scorecard, type ScorecardFile, type ScoredFeature, scorecardFileSchema } from './scorecard.js';
import { hasShape, shapeOf } from './shape-of.js';

/** Everything that data teams own: features and scorecards, read together, with the revision that names them. */
export interface Scoring {
  readonly revision: string;
  /** File name to content, as stored beside the scores. */
  readonly files: ReadonlyMap<string, string>;
  readonly catalogue: FeatureCatalogue;
  /** Those with conditions in the order of their files, the one without last. */
  readonly scorecards: readonly Scorecard[];
  readonly choose: ScorecardChooser;
}

/** The file of one scorecard, and where it is. */
export interface ScorecardText {
  readonly path: string;
  readonly text: string;
}

const FEATURES = 'features.yaml';
const SIGNALS = 'signals.yaml';
const SCORECARDS = 'scorecards/';

/**
 * Reads scoring files by name relative to scoring/: features.yaml, and scorecards/*.yaml. Other files are left alone. Every
 * mistake is a Problem with its place; the scoring is undefined when there is one.
 *
 * @param only A scorecard that everyone has, whatever its `when`; those of the folder are there to be extended.
 */
export function loadScoring(
  files: ReadonlyMap<string, string>,
  folder = 'scoring',
  only: ScorecardText | null = null,
): { scoring: Scoring | undefined; problems: readonly Problem[] } {
  const used = new Map(
    [...files].filter(([name]) => name === FEATURES || /^scorecards\/[^/]+\.ya?ml$/.test(name)),
  );
  const missing = (code: string, message: string): Problem => ({
    severity: 'error',
    code,
    message,
    file: `${folder}/${FEATURES}`,
    line: 1,
    column: 1,
  });
  const features = used.get(FEATURES);
  if (features === undefined)
    return { scoring: undefined, problems: [missing('no-features', 'There is no such file.')] };
  const { catalogue, problems } = readFeatureCatalogue(
    `${folder}/${FEATURES}`,
    features,
    knownTypesOf(files.get(SIGNALS)),
  );
  if (catalogue === undefined) return { scoring: undefined, problems };

  const found: Problem[] = [];
  const read = new Map<string, { file: YamlFile; data: ScorecardFile }>();
  for (const [name, text] of [...used].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!name.startsWith(SCORECARDS)) continue;
    const file = readYaml(`${folder}/${name}`, text);
    const { data, problems: wrong } = checkYaml(file, scorecardFileSchema);
    found.push(...wrong);
    if (data === undefined) continue;
    if (read.has(data.name))
      found.push(
        problemAt(file, ['name'], 'duplicate-name', `There is another scorecard named \`${data.name}\`.`),
      );
    else read.set(data.name, { file, data });
  }
  const chosen = only === null ? null : cardForEveryone(only, found);
  if (chosen !== null) {
    read.set(chosen.data.name, chosen);
    used.set(`${SCORECARDS}${chosen.data.name}.yaml`, chosen.file.text);
  }
  if (read.size === 0 && found.length === 0)
    found.push(missing('no-scorecard', `There is no scorecard in ${folder}/${SCORECARDS}.`));
  const scorecards = [...(chosen === null ? read.values() : [chosen])].flatMap((entry) =>
    resolve(entry, read, catalogue, found),
  );
  const general = scorecards.filter((scorecard) => scorecard.when === null);
  if (found.length === 0 && general.length !== 1) {
    const { file } = read.get(general[1]?.name ?? scorecards[0]!.name)!;
    found.push(
      problemAt(
        file,
        [],
        'one-default',
        `Exactly one scorecard must be without \`when\`, for everyone else; there are ${general.length}.`,
      ),
    );
  }
  if (found.length > 0) return { scoring: undefined, problems: found };
  const inOrder = [...scorecards.filter((scorecard) => scorecard.when !== null), ...general];
  return {
    scoring: {
      revision: revisionOf(used),
      files: used,
      catalogue,
      scorecards: inOrder,
      choose: scorecardChooser(inOrder, choosingFacts(catalogue)),
    },
    problems: [],
  };
}

/** The file of a scorecard. */
export function scorecardText({ files }: Scoring, name: string): string {
  const found = [...files].find(
    ([path, text]) =>
      path.startsWith(SCORECARDS) && checkYaml(readYaml(path, text), scorecardFileSchema).data?.name === name,
  );
  if (found === undefined) throw new RangeError(`no scorecard ${name}`);
  return found[1];
}

/** The scorecard of a file, without the conditions on which it would be chosen. Null: it has problems. */
function cardForEveryone({ path, text }: ScorecardText, found: Problem[]) {
  const file = readYaml(path, text);
  const { data, problems } = checkYaml(file, scorecardFileSchema);
  found.push(...problems);
  if (data === undefined) return null;
  const { when: _, ...forEveryone } = data;
  return { file, data: forEveryone };
}

/** What may decide on the scorecard: what is known of a subscription itself, and not what was thought of it before. */
function choosingFacts(catalogue: FeatureCatalogue): ReadonlyMap<string, Fact> {
  return new Map(
    featureFacts(catalogue)
      .filter(({ origin }) => origin === 'feature' || origin === 'subscription')
      .map((fact) => [fact.name, fact]),
  );
}

/** Fills in what a scorecard takes over, and ties its features to the catalogue. Empty when something is wrong. */
function resolve(
  { file, data }: { file: YamlFile; data: ScorecardFile },
  all: ReadonlyMap<string, { file: YamlFile; data: ScorecardFile }>,
  catalogue: FeatureCatalogue,
  found: Problem[],
): Scorecard[] {
  const before = found.length;
  const chain = [data];
  for (let current = data; current.extends !== undefined; ) {
    const parent = all.get(current.extends);
    if (parent === undefined) {
      const suggestion = didYouMean(current.extends, all.keys());
      found.push(
        problemAt(
          file,
          ['extends'],
          'unknown-scorecard',
          `There is no scorecard \`${current.extends}\`.`,
          suggestion === undefined ? {} : { suggestion },
        ),
      );
      return [];
    }
    if (chain.includes(parent.data)) {
      found.push(problemAt(file, ['extends'], 'circular', 'The scorecards extend one another in a circle.'));
      return [];
    }
    chain.push(parent.data);
    current = parent.data;
  }
  const inherit = <K extends 'calibration' | 'coverage_floor' | 'bands'>(
    key: K,
  ): NonNullable<ScorecardFile[K]> | undefined => {
    const value = chain.find((card) => card[key] !== undefined)?.[key];
    if (value === undefined)
      found.push(
        problemAt(file, [], 'missing-key', `\`${key}\` is missing, and nothing that it extends has it.`),
      );
    return value as NonNullable<ScorecardFile[K]> | undefined;
  };
  const calibration = inherit('calibration');
  const coverageFloor = inherit('coverage_floor');
  const bands = inherit('bands');
  const applicableFloor = chain.find((card) => card.applicable_floor !== undefined)?.applicable_floor ?? 0;
  const bySegment =
    chain.find((card) => card.calibration_by_segment !== undefined)?.calibration_by_segment ?? {};

  const names = new Map(catalogue.features.map((feature, index) => [feature.name, index]));
  for (const name of Object.keys(data.features)) {
    if (names.has(name)) continue;
    const suggestion = didYouMean(name, names.keys());
    found.push(
      problemAt(
        file,
        ['features', name],
        'unknown-feature',
        `There is no feature \`${name}\` in ${catalogue.file.path}.`,
        { key: true, ...(suggestion === undefined ? {} : { suggestion }) },
      ),
    );
  }
  if (data.when !== undefined)
    found.push(
      ...checkConditions(
        { condition: data.when, file, path: ['when'] },
        choosingFacts(catalogue),
        new Set(),
      ).filter(({ severity }) => severity === 'error'),
    );
  const features: ScoredFeature[] = [];
  for (const [name, index] of names) {
    const given = chain.map((card) => card.features[name]).filter((feature) => feature !== undefined);
    const weight = given[0]?.weight ?? 0;
    if (weight === 0) continue;
    const shaped = given.find((feature) => hasShape(feature));
    const shape = shapeOf(shaped);
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
      continue;
    }
    const { type } = catalogue.features[index]!;
    const isText = type !== 'number' && type !== 'boolean';
    if (isText !== (shape.kind === 'categories')) {
      const wanted = isText ? 'categories' : 'a curve or steps';
      found.push(
        problemAt(file, ['features', name], 'wrong-shape', `\`${name}\` is a ${type}: it needs ${wanted}.`, {
          key: true,
        }),
      );
      continue;
    }
    features.push({
      name,
      index,
      weight,
      shape,
      missing: given.find((feature) => feature.missing !== undefined)?.missing ?? null,
    });
  }
  if (features.length === 0 && found.length === before)
    found.push(problemAt(file, ['features'], 'no-features', 'No feature has a weight above 0.'));
  if (
    found.length > before ||
    calibration === undefined ||
    coverageFloor === undefined ||
    bands === undefined
  )
    return [];
  return [
    {
      name: data.name,
      description: data.description,
      when: data.when ?? null,
      calibration: calibrationOf(calibration),
      calibrationBySegment: new Map(
        Object.entries(bySegment).map(([segment, source]) => [segment, calibrationOf(source)]),
      ),
      coverageFloor,
      applicableFloor,
      bands,
      features,
    },
  ];
}
