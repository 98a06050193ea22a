export const acceptance: readonly {
  readonly kind: string;
  readonly what: string;
  readonly model?: string;
  readonly slow?: string;
  readonly fast?: string;
  readonly of?: string;
  readonly counts?: readonly string[];
  readonly order?: string;
  readonly from?: number;
  readonly to?: number;
  readonly atLeast?: number;
  readonly atMost?: number;
}[];
