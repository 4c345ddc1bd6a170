/** Names the record that is to be left out, as its identity does. */
export type RetractedRecord =
  | { readonly kind: 'signal' | 'outcome'; readonly source: string; readonly id: string }
  | {
      readonly kind: 'subscription';
      readonly accountId: string;
      readonly subscriptionId: string;
      readonly occurredAt: number;
    };

/** A producer takes back what it sent. */
export interface RecordRetraction {
  readonly record: RetractedRecord;
  readonly reason: string;
}
