import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescMethod,
  ScalarType,
} from '@bufbuild/protobuf';
import { contractComments } from './contract-comments.js';
import { PERMISSIONS } from './permissions.js';
import { pathOf, type Rpc } from './rpc.js';

type Json = { readonly [key: string]: unknown };

/** The messages of others that JSON writes in a way of their own. */
const WELL_KNOWN: Readonly<Record<string, Json>> = {
  'google.protobuf.Timestamp': { type: 'string', format: 'date-time' },
  'google.protobuf.Duration': { type: 'string', description: 'Seconds, such as "1.5s".' },
  'google.protobuf.FieldMask': { type: 'string', description: 'Names of fields, with commas between.' },
  'google.protobuf.Struct': { type: 'object', additionalProperties: true },
  'google.protobuf.Value': { description: 'Any JSON value.' },
  'google.protobuf.Any': { type: 'object', properties: { '@type': { type: 'string' } } },
};

const SCALAR: Readonly<Partial<Record<ScalarType, Json>>> = {
  [ScalarType.STRING]: { type: 'string' },
  [ScalarType.BOOL]: { type: 'boolean' },
  [ScalarType.BYTES]: { type: 'string', format: 'byte' },
  [ScalarType.DOUBLE]: { type: 'number', format: 'double' },
  [ScalarType.FLOAT]: { type: 'number', format: 'float' },
  [ScalarType.INT32]: { type: 'integer', format: 'int32' },
  [ScalarType.UINT32]: { type: 'integer', format: 'int64' },
  // JSON has no 64-bit integers: they are written as text, and read from both.
  [ScalarType.INT64]: { type: 'string', format: 'int64' },
  [ScalarType.UINT64]: { type: 'string', format: 'uint64' },
};

const ERROR: Json = {
  type: 'object',
  description: 'An error as Connect writes it: the code in lower case, and details of google.rpc.',
  properties: {
    code: { type: 'string', examples: ['invalid_argument', 'not_found'] },
    message: { type: 'string' },
    details: {
      type: 'array',
      items: {
        type: 'object',
        properties: { type: { type: 'string' }, value: { type: 'string', format: 'byte' }, debug: {} },
      },
    },
  },
};

/** The unary methods as an OpenAPI 3.1 document, made from the contract and its comments. */
export function openApi(rpcs: readonly Rpc[]): Json {
  const comments = contractComments();
  const schemas = new Map<string, Json>();
  const describe = (name: string): Json => {
    const description = comments.get(name);
    return description === undefined ? {} : { description };
  };
  const refTo = (type: DescMessage | DescEnum): Json => {
    const known = WELL_KNOWN[type.typeName];
    if (known !== undefined) return known;
    if (!schemas.has(type.typeName)) {
      // Set before its fields are looked at: a message may hold itself.
      schemas.set(type.typeName, {});
      schemas.set(type.typeName, type.kind === 'enum' ? enumSchema(type) : messageSchema(type));
    }
    return { $ref: `#/components/schemas/${type.typeName}` };
  };
  const enumSchema = (type: DescEnum): Json => ({
    type: 'string',
    enum: type.values.map(({ name }) => name),
    description: [
      comments.get(type.typeName) ?? '',
      ...type.values.map(({ name }) => `- ${name}: ${comments.get(`${type.typeName}.${name}`) ?? ''}`),
    ].join('\n'),
  });
  const messageSchema = (type: DescMessage): Json => ({
    type: 'object',
    ...describe(type.typeName),
    properties: Object.fromEntries(
      type.fields.map((field) => [
        field.jsonName,
        { ...fieldSchema(field), ...describe(`${type.typeName}.${field.name}`) },
      ]),
    ),
    additionalProperties: false,
  });
  const single = (field: DescField): Json => {
    if (field.message !== undefined) return refTo(field.message);
    if (field.enum !== undefined) return refTo(field.enum);
    return SCALAR[field.scalar ?? ScalarType.STRING] ?? {};
  };
  const fieldSchema = (field: DescField): Json => {
    if (field.fieldKind === 'list') return { type: 'array', items: single(field) };
    if (field.fieldKind === 'map') return { type: 'object', additionalProperties: single(field) };
    return single(field);
  };
  const operation = (method: DescMethod): Json => {
    const path = pathOf(method);
    const [summary = '', ...more] = (comments.get(`${method.parent.typeName}.${method.name}`) ?? '').split(
      '\n',
    );
    return {
      post: {
        operationId: `${method.parent.name}_${method.name}`,
        tags: [method.parent.name],
        summary,
        description: [...more, `Scope: ${PERMISSIONS[path]?.needs ?? ''}.`].join('\n\n'),
        requestBody: { required: true, content: { 'application/json': { schema: refTo(method.input) } } },
        responses: {
          200: {
            description: 'The answer.',
            content: { 'application/json': { schema: refTo(method.output) } },
          },
          default: {
            description: 'What went wrong.',
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
          },
        },
      },
    };
  };
  const unary = rpcs.filter(({ kind }) => kind === 'unary');
  const paths = Object.fromEntries(unary.map(({ method }) => [pathOf(method), operation(method)]));
  const services = [...new Set(unary.map(({ method }) => method.parent))];
  return {
    openapi: '3.1.0',
    info: {
      title: 'Perennial',
      version: 'v1',
      description:
        "Renewal risks and decisions. Each method is a POST with JSON, in Connect's protocol. Streams need gRPC or a Connect client.",
    },
    tags: services.map(({ name, typeName }) => ({ name, ...describe(typeName) })),
    paths,
    components: {
      schemas: { ...Object.fromEntries([...schemas].sort(([a], [b]) => (a < b ? -1 : 1))), Error: ERROR },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A token of the access file, or a JWT.' },
      },
    },
    security: [{ bearer: [] }, {}],
  };
}
