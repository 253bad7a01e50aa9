export interface Notice {
  /** `<incident>:<n>`. A notice is sent at least once; receivers drop repeats of a key. */
  key: string;
  kind: 'escalation' | 'notice';
  incident: string;
  subject: string;
  text: string;
}

export interface Notifier {
  readonly channel: string;
  send(notice: Notice): Promise<void>;
}
