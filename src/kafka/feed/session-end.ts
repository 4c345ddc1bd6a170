/** How a consumer session ended. */
export type SessionEnd =
  | { readonly kind: 'drained' }
  | {
      readonly kind: 'crashed' | 'stuck';
      readonly error: Error;
      /** Whether it had joined its group: then the next one need not wait long. */
      readonly joined: boolean;
    };
