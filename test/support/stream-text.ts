/** All bytes of a stream. */
async function streamBytes(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** All of a stream, as text. */
export async function streamText(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  return (await streamBytes(chunks)).toString('utf8');
}
