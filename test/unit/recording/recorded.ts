import { loadConfig } from '../../../src/config/load.ts';
import type { Lab } from '../../../src/lab/lab.ts';
import type { Exchange } from '../../../src/ports/exchange.ts';
import { readingOnly } from '../../../src/recording/reading.ts';
import { record } from '../../../src/recording/record.ts';
import type { Recording } from '../../../src/recording/recording.ts';
import { loadCatalog } from '../../../src/verification/catalog.ts';

export const catalog = loadCatalog(loadConfig({ env: {}, cwd: process.cwd() }).config.verification.catalog);

export interface Asked {
  servers?: readonly string[];
  probes?: boolean;
  around?(exchange: Exchange): Exchange;
  tell?(says: string): void;
}

/** Records a lab as the command does. */
export function recordLab(lab: Lab, { servers, probes = false, around, tell = () => {} }: Asked = {}) {
  const exchange = around?.(lab.exchange('record')) ?? lab.exchange('record');
  return record({
    exchange: readingOnly(exchange, { probes }),
    now: () => lab.clock.now(),
    ...(servers && { servers }),
    ...(probes && { probes: catalog }),
    recordedBy: 'second-responder 0.0.0-test',
    timeLimit: 10_000,
    probeTimeLimit: 10_000,
    report: tell,
  });
}

const INSTANTS = new Set(['startedAt', 'endedAt', 'bootedAt', 'lastTransition', 'lastExecution']);

/** What two recordings of the same state have in common, and nothing else. */
export function comparable(recording: Recording): unknown {
  const id = recording.organisation.value?.id;
  const walk = (value: unknown, key: string, at: number): unknown => {
    if (Array.isArray(value)) return value.map((each) => walk(each, key, at));
    if (typeof value === 'object' && value !== null) {
      const own = 'at' in value && typeof value.at === 'number' ? value.at : at;
      return Object.fromEntries(
        Object.entries(value)
          // How long a call took is real time, and differs from run to run.
          .filter(([inner]) => inner !== 'ms')
          .map(([inner, each]) => [inner, walk(each, inner, own)]),
      );
    }
    // Times are relative to their answer, and answers to the beginning.
    if (INSTANTS.has(key)) return at - (value as number);
    if (key === 'at' || key === 'recordedAt') return (value as number) - recording.recordedAt;
    // A lab is another organisation each time.
    return value === id ? 'the organisation' : value;
  };
  return walk(recording, '', 0);
}
