import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type Release, releaseAll } from '../../lib/release.ts';
import type { OpenedStore } from '../../open/store.ts';
import { whyNotStarted } from '../errors.ts';
import { readSettings } from '../settings.ts';

/** Uses the store of this configuration directly, without a daemon; undefined if there is none yet. */
export async function inOwnStore<T>(
  command: Command,
  act: (opened: OpenedStore, says: string) => Promise<T>,
): Promise<T | undefined> {
  const { config } = readSettings(command);
  // A missing store would be created. Redis before 7 has a single file, and so does a backup that is being restored.
  const files = ['appendonlydir', 'appendonly.aof'].map((name) => join(config.store.directory, name));
  const isThere = config.store.url !== undefined || files.some((file) => existsSync(file));
  if (!isThere) return undefined;
  const releases: Release[] = [];
  try {
    const [{ createLogger }, { openStore }] = await Promise.all([
      import('../../adapters/telemetry/index.ts'),
      import('../../open/store.ts'),
    ]);
    const logger = createLogger({ level: 'error', format: 'human', stream: process.stderr });
    const opened = await openStore(config.store, logger, releases).catch((error: unknown) => {
      throw whyNotStarted(error);
    });
    const { kind, says } = await opened.store.health();
    return kind === 'memory' ? undefined : await act(opened, says);
  } finally {
    await releaseAll(releases);
  }
}
