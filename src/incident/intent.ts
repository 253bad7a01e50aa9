/** A command, recorded before it is sent. */
export interface Intent {
  /** The real cmdlet: `Restart-Service`. */
  command: string;
  server: string;
  arguments: Record<string, unknown>;
  /** State found before; the target compares it and acts only if it is unchanged. */
  fence: Record<string, unknown>;
}
