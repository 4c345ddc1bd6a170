/** Unpacks the records of a batch, to at most `limit` bytes. Throws, with half a sentence about them, when it can't. */
export type Unpack = (packed: Buffer, limit: number) => Buffer | Promise<Buffer>;

export const tooLarge = () => new Error('it unpacks to more than is allowed');
export const endsEarly = () => new Error('it ends too early');
export const damaged = () => new Error('it is damaged');
