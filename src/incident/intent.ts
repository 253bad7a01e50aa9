/** A command about to be sent, noted before it is. */
export interface Intent {
  /** The real cmdlet: `Restart-Service`. */
  command: string;
  server: string;
  arguments: Record<string, unknown>;
  /** What was found before, which the far side compares before it acts; it must not have changed. */
  fence: Record<string, unknown>;
}
