/** One person's connection to one session, for integrators. See docs/integrating.md. */

import type { Clock } from "./fallback.js";
import type { Entry, Outbox, OwnResponse } from "./outbox.js";
import type { State } from "./sync.js";

export type Status = "connecting" | "online" | "offline" | "degraded" | "closed";

export interface Refusal {
  code: string;
  message: string;
  details?: Record<string, any>;
}

export interface Events {
  /** the session's map changed */
  state: State;
  status: Status;
  /** own responses by activity id */
  mine: Map<string, OwnResponse[]>;
  /** own points and rank, as far as results are shown */
  score: Record<string, any>;
  /** the number to show beside the code, where a session asks for one; presenters and screens only */
  second_factor: { number: string | null; until_ms: number };
  receipt: { entry: Entry; change: "waiting" | "counted" | "saved" | "superseded" };
  /** an answer was refused for good */
  refused: Refusal & { entry: Entry };
  /** for good; nothing will be tried again */
  closed: Refusal & { close_code?: number };
}

export interface ConnectionOptions {
  sessionId: string;
  ticket: string;
  /** such as `https://plenum.example` */
  origin: string;
  /** participants only: keeps answers until they are saved */
  outbox?: Outbox | null;
  WebSocket: typeof WebSocket;
  fetch: typeof fetch;
  clock: Clock;
  /** from 0 up to 1 */
  random: () => number;
  /** makes submission ids */
  makeId?: () => string;
  client?: { name: string; version: string };
}

export interface Answer {
  activity_id: string;
  round: number;
  data: any;
  entry?: string | null;
  /** a further contribution, which changes no earlier one */
  fresh?: boolean;
  withdraw?: boolean;
  metadata?: Record<string, string> | null;
}

export class Connection {
  constructor(options: ConnectionOptions);
  /** null before the first snapshot */
  state: State | null;
  mine: Map<string, OwnResponse[]>;
  status: Status;
  /** who the ticket is, once welcome */
  you: Record<string, any> | null;
  score: Record<string, any> | null;
  drafts: Record<string, any>;
  /** what an accepted answer survives: fsync, second or memory */
  durability: string | null;
  /** presenters: the token of `take_lease`, with which a later socket leads on */
  lease: number | undefined;
  get outbox(): Outbox | null;
  start(): void;
  /** ends the connection; it cannot be started again */
  stop(): void;
  /** returns a function that takes the listener off */
  on<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void): () => void;
  /** the server's clock in milliseconds since 1970, as well as this device can tell */
  serverNowMs(): number;
  /** a person pressed "send"; null: too many answers wait already, this one was not taken */
  press(answer: Answer): Entry | null;
  /** a command; rejects with a Refusal, where `disconnected` and `timeout` mean that nobody knows */
  request(command: Record<string, any>): Promise<any>;
  /** finds out fast whether the connection still lives */
  probe(): void;
}
