import { createContext, use } from 'react';

import { may, mayReadPayloads, type Who } from './api/session';
import type { Role } from './api/types';

const Context = createContext<{ who: Who; again: () => void }>({ who: { state: 'out', people: false, setup: false }, again: () => {} });

export const WhoProvider = Context;

/** Who is logged in, and what that allows. Controls that it does not allow are not shown. */
export function useWho(): { who: Who; again: () => void; may: (least: Role) => boolean; payloads: boolean } {
  const { who, again } = use(Context);
  return { who, again, may: (least) => may(who, least), payloads: mayReadPayloads(who) };
}
