/** An answer that is kept on this device until it is saved. */
export interface Entry {
  /** made once per press, before the first send: the same id never counts twice */
  submission_id: string;
  activity_id: string;
  round: number;
  /** the answer; null for a withdrawal */
  data: any;
  /** this person's count of changes to this response, from 1 */
  revision: number;
  /** which of several responses of this person; null: the activity type decides */
  entry: string | null;
  withdraw: boolean;
  metadata: Record<string, string> | null;
  /** of an earlier acceptance; admits the answer even after closing */
  receipt: string | null;
  epoch: string | null;
  offset: number | null;
  state: "waiting" | "counted";
}

/** A participant's own response, as the server keeps it. */
export interface OwnResponse {
  response_id: string;
  entry: string;
  round: number;
  revision: number;
  submission_id: string;
  offset: number;
  data: any;
  withdrawn?: boolean;
}

/** What a new entry is made from. */
export type Press = Pick<Entry, "submission_id" | "activity_id" | "round"> & Partial<Entry>;

/** Entries that may wait at once; beyond it `press` returns null. */
export const OUTBOX_LIMIT: number;

export function makeEntry(press: Press): Entry;
export function accept(entries: Entry[], frame: { submission_id: string; receipt?: string | null; epoch: string; offset: number }): Entry[];
export function refuse(entries: Entry[], submissionId: string): Entry[];
export function settle(entries: Entry[], epoch: string, savedOffset: number): { kept: Entry[]; saved: Entry[] };
export function fallBack(entries: Entry[], epoch: string): Entry[];
export function nextRevision(entries: Entry[], mine: Pick<OwnResponse, "entry" | "round" | "revision">[], activityId: string, round: number, entry?: string): number;
export function ownOf(frame: Pick<OwnResponse, "response_id" | "entry" | "round" | "revision" | "submission_id" | "offset">, kept: { data: any; withdraw: boolean }): OwnResponse;
export function mergeOwn(mine: Map<string, OwnResponse[]>, changes: Record<string, OwnResponse[]>): Map<string, OwnResponse[]>;
export function commandOf(entry: Entry): Record<string, any>;

/** The entries of one person in one session, kept in storage where there is one. */
export class Outbox {
  constructor(storage: Storage | null, sessionId: string, participantId: string, limit?: number);
  /** in the order of the presses */
  entries: Entry[];
  /** false while storage fails and entries live in memory only */
  get durable(): boolean;
  press(press: Press): Entry | null;
  accept(frame: { submission_id: string; receipt?: string | null; epoch: string; offset: number }): Entry | null;
  refuse(submissionId: string): Entry | null;
  fallBack(epoch: string): void;
  settle(epoch: string, savedOffset: number): Entry[];
  find(submissionId: string): Entry | null;
}
