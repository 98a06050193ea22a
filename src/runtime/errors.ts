/** The one error that users of the runtime meet. Its `code` is stable; its message says what to do. */
import type { ErrorCode } from '../program/error-codes.ts';

export class HeddleError extends Error {
  override readonly name = 'HeddleError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whether a GPU was lost, with all that lay on it. */
export function isLoss(error: unknown): boolean {
  return error instanceof HeddleError && error.code === 'device-lost';
}

/** The message of whatever was thrown. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
