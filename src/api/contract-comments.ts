import { fromBinary } from '@bufbuild/protobuf';
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';
import { FILE_DESCRIPTORS } from '../gen/perennial/v1/descriptors.js';

/** Numbers of the fields of descriptors, which paths to comments are made of. */
const FILE = { message: 4, enum: 5, service: 6 } as const;
const MESSAGE = { field: 2, nested: 3, enum: 4, oneof: 8 } as const;
const MEMBER = 2;

/** The comments of the contract by the full name of what they are about, such as "perennial.v1.Risk.band". */
export function contractComments(): ReadonlyMap<string, string> {
  const comments = new Map<string, string>();
  for (const base64 of FILE_DESCRIPTORS) {
    const file = fromBinary(FileDescriptorProtoSchema, Buffer.from(base64, 'base64'));
    if (file.package.startsWith('perennial.')) addFile(file, comments);
  }
  return comments;
}

function addFile(file: FileDescriptorProto, comments: Map<string, string>): void {
  const byPath = new Map(
    (file.sourceCodeInfo?.location ?? []).map(({ path, leadingComments }) => [
      path.join('.'),
      leadingComments,
    ]),
  );
  const add = (name: string, path: readonly number[]) => {
    const text = byPath.get(path.join('.'));
    if (text !== undefined && text !== '') comments.set(name, text.replace(/^ /gm, '').trim());
  };
  const addEnum = (of: EnumDescriptorProto, scope: string, path: readonly number[]) => {
    add(`${scope}.${of.name}`, path);
    for (const [i, { name }] of of.value.entries()) add(`${scope}.${of.name}.${name}`, [...path, MEMBER, i]);
  };
  const addMessage = (of: DescriptorProto, scope: string, path: readonly number[]) => {
    const name = `${scope}.${of.name}`;
    add(name, path);
    for (const [i, field] of of.field.entries()) add(`${name}.${field.name}`, [...path, MESSAGE.field, i]);
    for (const [i, one] of of.oneofDecl.entries()) add(`${name}.${one.name}`, [...path, MESSAGE.oneof, i]);
    for (const [i, nested] of of.nestedType.entries()) addMessage(nested, name, [...path, MESSAGE.nested, i]);
    for (const [i, nested] of of.enumType.entries()) addEnum(nested, name, [...path, MESSAGE.enum, i]);
  };
  for (const [i, message] of file.messageType.entries()) addMessage(message, file.package, [FILE.message, i]);
  for (const [i, of] of file.enumType.entries()) addEnum(of, file.package, [FILE.enum, i]);
  for (const [i, { name, method }] of file.service.entries()) {
    add(`${file.package}.${name}`, [FILE.service, i]);
    for (const [j, rpc] of method.entries())
      add(`${file.package}.${name}.${rpc.name}`, [FILE.service, i, MEMBER, j]);
  }
}
