/** The gates that a request goes through, cheapest first, and at which one it fell, by the stable code of its refusal. Pure. */

export const GATES = ['route', 'address', 'rate', 'body', 'signature', 'decode', 'filter', 'dedupe', 'store'] as const;
export type Gate = (typeof GATES)[number];

const FELL: Record<string, Gate> = {
  webhook_unknown: 'route',
  method_not_allowed: 'route',
  host_unknown: 'route',
  ip_refused: 'address',
  rate_limited: 'rate',
  bodies_full: 'body',
  address_bodies_full: 'body',
  body_too_large: 'body',
  body_timeout: 'body',
  body_broken: 'body',
  content_encoding_unsupported: 'body',
  webhook_unavailable: 'signature',
  keys_unavailable: 'signature',
  signature_invalid: 'signature',
  media_type_unsupported: 'decode',
  body_invalid: 'decode',
  query_invalid: 'decode',
  filter_unanswered: 'filter',
  dedupe_key_missing: 'dedupe',
  delivery_in_progress: 'dedupe',
  queue_full: 'store',
  workflow_queue_full: 'store',
  workflow_waiting_full: 'store',
  store_busy: 'store',
  store_full: 'store',
  store_unavailable: 'store',
  store_damaged: 'store',
  stopping: 'store',
};

/** The gate that refuses with this code; `null` for what is refused elsewhere, or by a code that this console does not know. */
export function gateOf(code: string): Gate | null {
  return Object.hasOwn(FELL, code) ? (FELL[code] ?? null) : null;
}
