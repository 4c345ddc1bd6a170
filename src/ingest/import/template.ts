import type { Row } from './row.js';

/** A text with columns in it, taken apart once. */
export interface Template {
  readonly parts: readonly (string | { readonly column: string })[];
}

/** What is wrong with a template, in words for the person who wrote it. */
export class TemplateError extends Error {}

const PART = /\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+/g;

/** Takes "{first} {last}" apart. Braces are doubled to mean themselves. Throws a TemplateError for one that stands alone. */
export function parseTemplate(text: string): Template {
  const parts: (string | { column: string })[] = [];
  for (const [part, column] of text.matchAll(PART)) {
    if (column !== undefined) {
      if (column.trim() === '') throw new TemplateError('an empty pair of braces names no column');
      parts.push({ column: column.trim() });
    } else if (part === '{' || part === '}') {
      throw new TemplateError('a brace stands alone: write {column}, or double it to mean itself');
    } else {
      parts.push(part === '{{' ? '{' : part === '}}' ? '}' : part);
    }
  }
  return { parts };
}

/** The text for a row. Throws a Fault where a column has no text. */
export function renderTemplate(template: Template, row: Row): string {
  const { parts } = template;
  const [only] = parts;
  if (parts.length === 1 && typeof only === 'object') return row.get(only.column);
  let text = '';
  for (const part of parts) text += typeof part === 'string' ? part : row.get(part.column);
  return text;
}

/** The columns that a template names. */
export function columnsOf(template: Template): string[] {
  return template.parts.flatMap((part) => (typeof part === 'string' ? [] : [part.column]));
}
