import type { DescEnum, DescField, DescMessage, DescService } from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { contractComments } from './contract-comments.js';
import { PERMISSIONS } from './permissions.js';
import { pathOf, type Rpc } from './rpc.js';

/** The page of every method, message and field, from the comments of the contract: `docs/api-reference.md`. */
export function referencePage(rpcs: readonly Rpc[]): string {
  const comments = contractComments();
  const about = (name: string) => (comments.get(name) ?? '').replaceAll('\n', ' ');
  const services = [...new Set(rpcs.map(({ method }) => method.parent))];
  const types = typesOf(services);
  const lines = [
    '# Every method, message and field',
    '',
    'Made from the comments in [`proto/perennial/v1/`](../proto/perennial/v1) by `npm run api:docs`. [api.md](api.md) is where to begin.',
  ];
  for (const service of services) {
    lines.push('', `## ${service.name}`, '', about(service.typeName), '');
    for (const method of service.methods) {
      const input = method.methodKind === 'bidi_streaming' ? 'stream of ' : '';
      const output = method.methodKind === 'unary' ? '' : 'stream of ';
      lines.push(`### ${service.name}.${method.name}`, '', about(`${service.typeName}.${method.name}`), '');
      lines.push(
        `${input}${link(method.input)} → ${output}${link(method.output)}. Scope: \`${PERMISSIONS[pathOf(method)]?.needs}\`.`,
        '',
      );
    }
  }
  lines.push('## Messages');
  for (const type of types) {
    lines.push('', `### ${titleOf(type)}`, '', about(type.typeName), '');
    if (type.kind === 'enum') {
      lines.push('| value | meaning |', '| --- | --- |');
      for (const { name } of type.values)
        lines.push(`| \`${name}\` | ${cell(about(`${type.typeName}.${name}`))} |`);
    } else if (type.fields.length > 0) {
      lines.push('| field | type | meaning |', '| --- | --- | --- |');
      for (const field of type.fields)
        lines.push(
          `| \`${field.name}\` | ${typeName(field)} | ${cell(about(`${type.typeName}.${field.name}`))} |`,
        );
    }
  }
  return `${lines.join('\n').replace(/\n{3,}/g, '\n\n')}\n`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

/** Our messages and enums, file by file. */
function typesOf(services: readonly DescService[]): (DescMessage | DescEnum)[] {
  const files = new Map(services.map(({ file }) => [file.name, file]));
  for (const { file } of services)
    for (const other of file.dependencies)
      if (other.proto.package === file.proto.package) files.set(other.name, other);
  return [...files.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((file) => [...nestedTypes(file)])
    .filter((type): type is DescMessage | DescEnum => type.kind === 'message' || type.kind === 'enum')
    .filter((type) => !(type.kind === 'message' && type.proto.options?.mapEntry === true));
}

function titleOf({ typeName }: DescMessage | DescEnum): string {
  return typeName.replace('perennial.v1.', '');
}

function link(type: DescMessage | DescEnum): string {
  if (!type.typeName.startsWith('perennial.v1.')) return `\`${type.typeName}\``;
  const title = titleOf(type);
  return `[${title}](#${title.toLowerCase().replaceAll('.', '')})`;
}

const SCALARS: Readonly<Record<number, string>> = {
  1: 'double',
  3: 'int64',
  4: 'uint64',
  5: 'int32',
  8: 'bool',
  9: 'string',
  12: 'bytes',
  13: 'uint32',
};

function typeName(field: DescField): string {
  const type = field.message ?? field.enum;
  const single = type === undefined ? (SCALARS[field.scalar ?? 9] ?? '') : link(type);
  if (field.fieldKind === 'list') return `repeated ${single}`;
  if (field.fieldKind === 'map') return `map of ${single}`;
  return field.oneof === undefined ? single : `${single}, one of \`${field.oneof.name}\``;
}
