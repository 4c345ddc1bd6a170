import type { CallOptions } from '@connectrpc/connect';

type List<Request, Response> = (request: Request, options?: CallOptions) => Promise<Response>;
type ItemOf<Items> = Items extends readonly (infer Item)[] ? Item : never;

/**
 * Everything that a list call answers, page by page as it is wanted.
 *
 * @example
 * for await (const risk of each(perennial.risks.listRisks, 'risks', { filter: { bands: [Band.HIGH] } })) …
 *
 * @param items Name of the field of the answer that holds them.
 * @param request Its `pageSize` says how many are asked for at a time, its `pageToken` where to begin. @default from the first
 */
export async function* each<
  Request extends { readonly pageToken?: string },
  Response extends { readonly nextPageToken: string },
  Items extends keyof Response,
>(
  list: List<Request, Response>,
  items: Items,
  request: Request,
  options?: CallOptions,
): AsyncGenerator<ItemOf<Response[Items]>, void> {
  let pageToken = request.pageToken ?? '';
  do {
    const page = await list({ ...request, pageToken }, options);
    yield* page[items] as Iterable<ItemOf<Response[Items]>>;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}
