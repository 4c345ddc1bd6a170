import type { z } from 'zod';

/** The keys that the schema knows at a path, as far as its JSON Schema tells. */
export function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  type Def = {
    type?: string;
    shape?: Record<string, z.ZodType>;
    element?: z.ZodType;
    valueType?: z.ZodType;
    innerType?: z.ZodType;
    options?: z.ZodType[];
    in?: z.ZodType;
  };
  let current: z.ZodType[] = [schema];
  const unwrap = (s: z.ZodType): z.ZodType[] => {
    const def = s.def as unknown as Def;
    if (def.innerType !== undefined) return unwrap(def.innerType);
    if (def.type === 'pipe' && def.in !== undefined) return unwrap(def.in);
    if (def.options !== undefined && def.type === 'union') return def.options.flatMap(unwrap);
    return [s];
  };
  for (const step of path) {
    current = current.flatMap(unwrap).flatMap((s) => {
      const def = s.def as unknown as Def;
      const next = def.shape?.[String(step)] ?? def.element ?? def.valueType;
      return next === undefined ? [] : [next];
    });
  }
  return current.flatMap(unwrap).flatMap((s) => Object.keys((s.def as unknown as Def).shape ?? {}));
}
