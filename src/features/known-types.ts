import { readYaml } from '../core/yaml-file.js';
import { loadCatalogue } from '../signals/catalogue.js';
import type { KnownTypes } from './measures/resolve-measure.js';

/** What signals.yaml says of types and attributes; null where there is none, or one that can't be read: that is reported elsewhere. */
export function knownTypesOf(signalsYaml: string | undefined): KnownTypes | null {
  if (signalsYaml === undefined) return null;
  const { catalogue } = loadCatalogue(readYaml('signals.yaml', signalsYaml));
  if (catalogue === undefined) return null;
  const attributes = new Map<string, string[]>();
  for (const { name, type } of catalogue)
    attributes.set(name, [...(attributes.get(name) ?? []), ...Object.keys(type.attributes)]);
  return { types: [...attributes.keys()], attributesOf: (type) => attributes.get(type) ?? [] };
}
