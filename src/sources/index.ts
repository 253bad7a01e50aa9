/** The senders the daemon understands. To add one, create its file and add a line to this list. */
import { alertmanager } from './alertmanager.ts';
import { generic } from './generic.ts';
import { scom } from './scom.ts';
import type { Source } from './source.ts';

export const SOURCES: readonly Source[] = [scom, alertmanager, generic];

export type { Problem } from './problems.ts';
export type { Parsed, Reading, Source, SourceEnvironment, SourceSettings } from './source.ts';
export { atOnce } from './source.ts';
