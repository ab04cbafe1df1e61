import type { Entry } from "./outbox.js";
import type { Position } from "./sync.js";

export interface Problem {
  status: number;
  code: string;
  message: string;
  details?: Record<string, any>;
}

export interface Clock {
  now(): number;
  later(ms: number, action: () => void): any;
  cancel(handle: any): void;
}

export interface FallbackOptions {
  origin: string;
  sessionId: string;
  ticket: string;
  fetch: typeof fetch;
  clock: Clock;
  position: () => Position | null;
  /** returns false when the document left a gap */
  onDocument: (document: Record<string, any>) => boolean;
  /** what the server's clock says, to the second */
  onDate: (ms: number) => void;
  onLost: () => void;
  onEnd: (problem: Problem) => void;
}

/** The same documents over plain HTTP. `Connection` uses it by itself; few need it alone. */
export class Fallback {
  constructor(options: FallbackOptions);
  stop(): void;
  run(): Promise<void>;
  /** asks anew at once */
  restart(): void;
  post(entry: Entry & { type: string }): Promise<any>;
  withdraw(responseId: string): Promise<any>;
}

/** The refusal in a problem document (RFC 9457). */
export function readProblem(response: Response): Promise<Problem>;
