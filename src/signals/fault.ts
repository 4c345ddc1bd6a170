import type { RejectionReason } from './signal.js';

/**
 * Why a message is refused, on its way from the check that found it to the Rejection. Thrown inside `signals/` only, and
 * always caught there. Not an Error: a stack trace for each message of a broken producer would cost 25 times as much.
 */
export class Fault {
  readonly reason: RejectionReason;
  /** Field at fault; empty for the message as a whole. */
  readonly field: string;
  /** What is wrong and what to do. Of the message's values only numbers are named: texts may be personal. */
  readonly detail: string;
  /** The text at fault, for the person who imports their own file. Never stored or logged: it may be personal. */
  readonly sample: string | undefined;

  constructor(reason: RejectionReason, field: string, detail: string, sample?: string) {
    this.reason = reason;
    this.field = field.slice(0, 128);
    this.detail = detail;
    this.sample = sample;
  }
}
