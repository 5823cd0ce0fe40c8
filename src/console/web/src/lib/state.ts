/** In what state a workflow is, from what servers of different versions say. Pure. */
import type { Workflow } from '../api/types';

export type State = 'on' | 'off' | 'off_here' | 'paused' | 'gone' | 'wrong';

export function stateOf(workflow: Pick<Workflow, 'enabled' | 'paused' | 'state'>): State {
  if (workflow.state) return workflow.state;
  if (!workflow.enabled) return 'off';
  return workflow.paused ? 'paused' : 'on';
}

export const STATE_TONES = {
  on: 'succeeded',
  off: 'queued',
  off_here: 'queued',
  paused: 'waiting',
  gone: 'cancelled',
  wrong: 'failed',
} as const;
