import { type Ask, call, hasToken, Problem, setToken } from './client';
import type { Role, Session } from './types';

/** Who is logged in, or what can be done about it. */
export type Who =
  | { state: 'in'; session: Session | null; byToken: boolean }
  | { state: 'out'; people: boolean; setup: boolean };

const quiet: Ask = { quiet: true };

/** Asks the server who this is. A server without people knows the machine's token alone. */
export async function whoIs(): Promise<Who> {
  try {
    return { state: 'in', session: await call<Session>('session', quiet), byToken: hasToken() };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const people = !error.isMissing;
    if (hasToken()) {
      try {
        await call('workflows', quiet);
        return { state: 'in', session: null, byToken: true };
      } catch (refusal) {
        if (!(refusal instanceof Problem) || refusal.status !== 401) throw refusal;
        setToken(null);
      }
    }
    if (error.status !== 401 && !error.isMissing && error.status !== 403) throw error;
    return { state: 'out', people, setup: error.params['setup'] === true };
  }
}

/** Logs in by the machine's token: it is tried, and kept if it is right. */
export async function enterToken(token: string): Promise<void> {
  setToken(token);
  try {
    await call('workflows', quiet);
  } catch (error) {
    setToken(null);
    throw error;
  }
}

export async function logIn(name: string, password: string): Promise<void> {
  setToken(null);
  await call('session', { method: 'POST', body: { name, password }, quiet: true });
}

export async function setUp(token: string, name: string, password: string): Promise<void> {
  setToken(null);
  await call('setup', { method: 'POST', body: { token, name, password }, quiet: true });
}

export async function logOut(): Promise<void> {
  if (hasToken()) setToken(null);
  else await call('session', { method: 'DELETE', quiet: true });
}

const RANK: Record<Role, number> = { viewer: 0, operator: 1, editor: 2, admin: 3 };

/** Whether somebody has at least this role. The machine's token may do everything. */
export function may(who: Who, least: Role): boolean {
  if (who.state !== 'in') return false;
  return who.session === null || RANK[who.session.user.role] >= RANK[least];
}

/** Whether somebody may see what senders sent and steps gave. */
export function mayReadPayloads(who: Who): boolean {
  return who.state === 'in' && (who.session === null || who.session.user.payloads);
}
