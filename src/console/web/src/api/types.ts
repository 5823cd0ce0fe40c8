/** The shapes of `/api/v1`, as the server writes them. */

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export type RunStatus = 'queued' | 'succeeded' | 'failed' | 'waiting' | 'cancelled';
export type Role = 'viewer' | 'operator' | 'editor' | 'admin';

export interface Session {
  user: { name: string; role: Role; payloads: boolean };
  csrf: string | null;
  server: { version: string; setup: boolean; public_url: string | null };
}

export interface Trigger {
  name: string;
  type: string;
  path?: string;
  methods?: string[];
  mode?: string;
  cron?: string;
  timezone?: string;
  next?: string | null;
  workflows?: string[];
  on?: string[] | string;
}

export interface Workflow {
  key: string;
  title: string | null;
  enabled: boolean;
  version: string | null;
  trigger: string;
  path: string | null;
  next: string | null;
  triggers: Trigger[];
  paused: boolean;
  pending_runs: number;
  waiting_runs: number;
  waiting_bytes: number;
  /** These are there once the server keeps revisions. */
  home?: 'folder' | 'server';
  revision?: number | null;
  state?: 'on' | 'off' | 'off_here' | 'paused' | 'gone' | 'wrong';
  problems?: { code?: string; message?: string; detail?: string }[];
}

export interface RunFault {
  code: string;
  message: string;
  step: string | null;
  position?: { file: string; line: number; column: number } | null;
  stack?: string | null;
  limit?: { limit: number; used: number; unit: string } | null;
  frame?: string | null;
}

export interface RunLine {
  id: string;
  workflow: string;
  status: RunStatus;
  running: boolean;
  cause: string;
  trigger: string | null;
  origin: string | null;
  created: string;
  due: string | null;
  took_ms: number | null;
  answer_status: number | null;
  failed_steps: number;
  error: RunFault | null;
}

export interface LogLine {
  level: 'debug' | 'info' | 'warn' | 'error';
  text: string;
  at_ms: number;
}

export interface Usage {
  fuel: number;
  peak_memory: number;
  wall_us: number;
  cpu_us: number;
  host_calls: number;
  bytes_in: number;
  bytes_out: number;
}

export interface Call {
  op: string;
  target: string;
  error: string | null;
  at_ms: number;
  took_us: number;
}

export interface StepAttempt {
  id: string;
  at: number[];
  attempt: number;
  status: 'succeeded' | 'failed';
  output: Json;
  error: RunFault | null;
  next_attempt: string | null;
  logs: LogLine[];
  log_truncated: boolean;
  usage: Usage | null;
  calls: Call[];
  started: string;
  took_us: number;
}

export interface WaitingStep {
  id: string;
  at: number[];
  for: 'time' | 'callback' | 'run' | 'script';
  run: string | null;
  question: { id: string; title: string } | null;
  since: string;
  until: string | null;
}

export interface Note {
  code: string;
  message: string;
}

export interface Run {
  id: string;
  workflow: string;
  version: string;
  status: RunStatus;
  running: boolean;
  mode: string;
  cause: string;
  trigger: string | null;
  origin: string | null;
  parent: { run: string; step: string } | null;
  created: string;
  started: string | null;
  due: string | null;
  finished: string | null;
  failed_steps: number;
  error: RunFault | null;
  answer: Json;
  steps: StepAttempt[];
  waiting: WaitingStep[];
  notes: Note[];
  context: Json;
}

export type Outcome =
  | 'filtered'
  | { accepted: { run: string } }
  | { duplicate: { run: string } }
  | { refused: { code: string; reason: string } }
  | { skipped: { run: string } }
  | { called_back: { run: string } }
  | { handshake: { kind: string } };

export interface RequestLine {
  id: string;
  workflow: string | null;
  method: string;
  path: string;
  ip: string;
  body_bytes: number;
  status: number;
  outcome: Outcome;
  took_us: number;
  accepted_us: number;
  scheme: string | null;
  kept: boolean;
  received: string;
  notes: Note[];
}

export interface KeptRequest {
  query: string;
  headers: Record<string, string>;
  changed: boolean;
  body?: string;
  body_base64?: string;
}

export interface RequestDetail extends RequestLine {
  request: KeptRequest | null;
}

export interface Question {
  id: string;
  run: string;
  workflow: string;
  step: string;
  at: number[];
  title: string;
  text: string;
  answers: { value: string; label: string }[];
  comment: boolean | 'required';
  ask_name: boolean;
  since: string;
  until: string | null;
}

export interface Plugin {
  name: string;
  title: string | null;
  kind: string | null;
  size: number | null;
  versions: string[];
  asks: string[];
  granted: string[];
  missing: string[];
  limits: Record<string, Json>;
}

export interface PluginVersion {
  name: string;
  version: string;
  title: string | null;
  kind: string;
  hash: string;
  size: number;
  uploaded: string;
  capabilities: string[];
  input_schema: Json;
  output_schema: Json;
  examples: Json[];
}

export interface PluginDetail extends Omit<Plugin, 'versions'> {
  versions: PluginVersion[];
}

export interface Secret {
  name: string;
  key_id: string;
  set: string;
}

export interface Ready {
  ready: boolean;
  pending_runs: number;
  waiting_runs: number;
  waiting_bytes: number;
  code?: string;
  why?: string;
}

export interface HealthProblem {
  code: string;
  severity: string;
  message: string;
  remedy: string | null;
}

export interface Health {
  problems: HealthProblem[];
  figures: Record<string, Json>;
}

export interface Hour {
  start: string;
  ok: number;
  failed: number;
  refused: number;
  p50_ms: number | null;
  p95_ms: number | null;
}

export interface BulkReplay {
  replayed: { run: string; new: string | null }[];
  failed: { run: string; code: string; detail: string }[];
  next: string | null;
  dry_run: boolean;
}
