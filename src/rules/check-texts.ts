import type { Problem } from '../core/problem.js';
import { problemAt, type YamlFile } from '../core/yaml-file.js';

/** Quotes as word processors and web pages make them. For YAML they are letters. */
const CURLY =
  /^[\u2018\u2019\u201A\u201B\u201C\u201D\u201E\u201F\u00AB\u00BB\u2039\u203A](.*)[\u2018\u2019\u201A\u201B\u201C\u201D\u201E\u201F\u00AB\u00BB\u2039\u203A]$/;

/** Letters that look like a space or like nothing. */
const ODD_SPACES = /[\u00A0\u00AD\u2000-\u200F\u2028-\u202F\u205F\u2060\u3000\uFEFF]/g;

/**
 * Texts that facts are compared with and that can't be what was meant, though nobody sees it: they came along with what was
 * copied from a page. A text that is written with codes, such as "\\u00A0", is meant.
 */
export function checkTexts(value: unknown, file: YamlFile, path: readonly PropertyKey[]): Problem[] {
  if (Array.isArray(value)) return value.flatMap((item, i) => checkTexts(item, file, [...path, i]));
  if (typeof value !== 'string') return [];
  const raw = file.rawOf(path) ?? '';
  const isQuoted = /^["']/.test(raw);
  const inCurly = CURLY.exec(value)?.[1];
  if (inCurly !== undefined && !isQuoted) {
    const message = `The quotes of \`${value}\` are letters of the text: YAML knows only " and '.`;
    return [
      problemAt(file, path, 'curly-quotes', message, { suggestion: `write ${JSON.stringify(inCurly)}` }),
    ];
  }
  if (raw.search(ODD_SPACES) >= 0) {
    const message =
      'There is a letter in this text that looks like a space or like nothing, such as a no-break space.';
    const plain = value
      .replaceAll(/[\u00A0\u2000-\u200A\u202F\u205F\u3000]/g, ' ')
      .replaceAll(ODD_SPACES, '');
    return [
      problemAt(file, path, 'odd-space', message, { suggestion: `write ${JSON.stringify(plain.trim())}` }),
    ];
  }
  if (value !== value.trim()) {
    const message = 'This text begins or ends with a space, and is equal only to one that does.';
    return [problemAt(file, path, 'edge-space', message, { severity: 'warning' })];
  }
  return [];
}
