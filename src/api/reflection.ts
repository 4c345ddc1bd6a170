import type { Server } from '@grpc/grpc-js';
import type { EnumTypeDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { FILE_DESCRIPTORS as HEALTH } from '../gen/health/v1/descriptors.js';
import { FILE_DESCRIPTORS as PERENNIAL } from '../gen/perennial/v1/descriptors.js';

/**
 * Lets grpcurl and the like ask for services and messages: reflection v1 and v1alpha. The descriptors are those that buf
 * made; the library takes them inside a proto-loader definition, of which it reads nothing else.
 */
export function addReflection(server: Server): void {
  const fileDescriptorProtos = [...PERENNIAL, ...HEALTH].map((base64) => Buffer.from(base64, 'base64'));
  const files: EnumTypeDefinition = {
    format: 'Protocol Buffer 3 EnumDescriptorProto',
    type: {},
    fileDescriptorProtos,
  };
  new ReflectionService({ files }).addToServer(server);
}
