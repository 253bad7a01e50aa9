export interface Notice {
  /** Sent at least once; receivers drop repeats of one key: `<incident>:<n>`. */
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
