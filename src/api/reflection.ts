import type { handleBidiStreamingCall, Server, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { EnumTypeDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import type { AccessControl } from '../access/access-control.js';
import { FILE_DESCRIPTORS as HEALTH } from '../gen/health/v1/descriptors.js';
import { FILE_DESCRIPTORS as PERENNIAL } from '../gen/perennial/v1/descriptors.js';
import type { Failures } from './failure.js';
import { PERMISSIONS } from './permissions.js';
import { errorOf } from './transport/grpc-error.js';
import { GrpcIncoming } from './transport/grpc-server.js';

/**
 * Lets grpcurl and the like ask for services and messages, with our comments: reflection v1 and v1alpha. The descriptors are those
 * that buf made; the library takes them inside a proto-loader definition, of which it reads nothing else.
 */
export function addReflection(server: Server, access: AccessControl, failures: Failures): void {
  const fileDescriptorProtos = [...PERENNIAL, ...HEALTH].map((base64) => Buffer.from(base64, 'base64'));
  const files: EnumTypeDefinition = {
    format: 'Protocol Buffer 3 EnumDescriptorProto',
    type: {},
    fileDescriptorProtos,
  };
  new ReflectionService({ files }).addToServer({
    addService: (definition: Parameters<Server['addService']>[0], handlers: UntypedServiceImplementation) =>
      server.addService(definition, guarded(handlers, access, failures)),
  } as Server);
}

type Handler = handleBidiStreamingCall<unknown, unknown>;

/** The library's handlers, for those who may ask. */
function guarded(
  handlers: UntypedServiceImplementation,
  access: AccessControl,
  failures: Failures,
): UntypedServiceImplementation {
  return Object.fromEntries(
    Object.entries(handlers).map(([name, handler]): [string, Handler] => [
      name,
      (call) => {
        const incoming = new GrpcIncoming(call);
        const admitted = async () => {
          const need = PERMISSIONS[call.getPath()]?.needs ?? 'administer';
          await access.admit(need, incoming.header('authorization'), incoming.peer());
          (handler as Handler)(call);
        };
        admitted().catch((thrown) => call.emit('error', errorOf(failures.of(thrown, call.getPath()))));
      },
    ]),
  );
}
