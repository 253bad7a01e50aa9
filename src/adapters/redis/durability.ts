/** The settings that decide whether an alert can be lost after the response 202. */
export interface Kept {
  kind: string;
  /** Fields of INFO. */
  info: ReadonlyMap<string, string>;
  /** `appendfsync`; undefined if the server does not report it. */
  fsync: string | undefined;
}

const FULL_SHARE = 0.9;

/** Warnings about the durability of this server: the risk, and the command that fixes it. */
export function durability({ kind, info, fsync }: Kept): string[] {
  const found: string[] = [];
  if (info.get('aof_enabled') === '0') {
    found.push(`Redis keeps snapshots only: a crash loses alerts that were answered 202. ${type('appendonly', 'yes')}`);
  }
  // The private server is configured by the daemon's own configuration.
  const always =
    kind === 'private redis' ? 'Set `store.appendfsync` to `always`, or accept it.' : type('appendfsync', 'always');
  if (fsync === 'everysec') {
    found.push(`Redis writes to disk once per second: a power loss can lose the last second of alerts. ${always}`);
  }
  if (fsync === 'no') {
    found.push(`Redis lets the operating system decide when to write to disk: a power loss can lose alerts. ${always}`);
  }
  if (info.get('aof_last_write_status') === 'err') {
    found.push(
      'Redis failed to write to its disk: it accepts no alerts until it can. Check with `df` whether the disk is full.',
    );
  }
  const policy = info.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    found.push(
      `Redis may drop journals when its memory is full (maxmemory-policy ${policy}). ${type('maxmemory-policy', 'noeviction')}`,
    );
  }
  const [used, most] = [Number(info.get('used_memory')), Number(info.get('maxmemory'))];
  if (most > 0 && used > most * FULL_SHARE) {
    found.push(
      `Redis uses ${Math.round((used / most) * 100)} % of its memory limit: at the limit it accepts no alerts. Type \`redis-cli CONFIG SET maxmemory\` with a higher value, or set \`store.finished-retention\` to a lower one.`,
    );
  }
  return found;
}

function type(setting: string, value: string): string {
  return `Type \`redis-cli CONFIG SET ${setting} ${value}\`, and \`redis-cli CONFIG REWRITE\` to make it permanent.`;
}
