/** ClickHouse's numbers for the errors that this server raises itself. Clients act on them. */
export const CODE = {
  notImplemented: 48,
  syntaxError: 62,
  badArguments: 36,
  unknownSetting: 115,
  readonly: 164,
  requiredPassword: 194,
  tooManyQueries: 202,
  queryIdTaken: 216,
  tooMuchResult: 396,
  sessionNotFound: 372,
  sessionLocked: 373,
  queryCancelled: 394,
  accessDenied: 497,
  authenticationFailed: 516,
  requestTooLarge: 307,
  cannotDecompress: 271,
  notEnoughSpace: 243,
  internal: 1002,
} as const;

const UNKNOWN = 'UNKNOWN_EXCEPTION';

/** An error as ClickHouse's clients expect it: a number, a name, a sentence. */
export class ClickHouseException extends Error {
  override readonly name = 'ClickHouseException';
  readonly code: number;
  readonly type: string;

  constructor(code: number, type: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.type = type;
  }

  /** The engine's error text taken apart; anything else becomes an internal error. */
  static from(thrown: unknown): ClickHouseException {
    if (thrown instanceof ClickHouseException) return thrown;
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    const found = /Code: (\d+)\. DB::\w*Exception: ([\s\S]*?)\s*(?:\(([A-Z][A-Z0-9_]+)\)\s*)?$/.exec(text);
    if (found === null) return new ClickHouseException(CODE.internal, UNKNOWN, text, thrown);
    const code = Number(found[1]);
    // The engine hands its text over up to the first NUL: one in the caller's SQL takes the name at the end away.
    const type = found[3] ?? (code === CODE.syntaxError ? 'SYNTAX_ERROR' : UNKNOWN);
    return new ClickHouseException(code, type, found[2]!, thrown);
  }

  /** The text that ClickHouse answers with and that its clients take apart again. */
  toText(version: string): string {
    return `Code: ${this.code}. DB::Exception: ${this.message} (${this.type}) (version ${version})\n`;
  }
}

/** The HTTP status that ClickHouse gives an exception; clients repeat 5xx and give up on 4xx. */
export function httpStatusOf(code: number): number {
  return STATUS.get(code) ?? 500;
}

const STATUS = new Map<number, number>(
  (
    [
      [400, [6, 7, 8, 15, 25, 26, 27, 33, 34, 35, 36, 38, 41, 42, 43, 44, 53, 62, 69, 70, 72, 117, 130, 131]],
      [400, [167, 168, 372, 427, 456, 457, 472, 675, 676, 677]],
      [401, [CODE.requiredPassword]],
      [403, [CODE.readonly, CODE.authenticationFailed, 192, 193, CODE.accessDenied]],
      [404, [46, 47, 50, 56, 60, 63, 73, 78, 81, CODE.unknownSetting, 336, 511]],
      [408, [159]],
      [409, [CODE.queryIdTaken, CODE.sessionLocked]],
      [413, [CODE.requestTooLarge]],
      [501, [CODE.notImplemented]],
      [503, [CODE.tooManyQueries, 209, 439]],
    ] satisfies [number, number[]][]
  ).flatMap(([status, codes]) => codes.map((code): [number, number] => [code, status])),
);
