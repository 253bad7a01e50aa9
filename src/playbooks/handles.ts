import { didYouMean, type Locate, type Problem } from '../config/problems.ts';
import type { MonitorRef } from '../incident/health.ts';
import type { Catalog } from '../verification/catalog.ts';

/**
 * `HealthSet\Monitor[\TargetResource]` → monitors in the catalog's spelling. Invalid entries are reported and left out.
 */
export function readHandles(handles: string[], catalog: Catalog, locate: Locate, problems: Problem[]): MonitorRef[] {
  return handles.flatMap((written, index): MonitorRef[] => {
    const complain = (message: string, hint?: string) =>
      problems.push({ ...locate(['handles', index]), message, ...(hint && { hint }) });
    const [healthSet, monitor, targetResource, ...rest] = written.split('\\');
    if (!healthSet || !monitor || targetResource === '' || rest.length > 0) {
      const named = allMonitors(catalog).find((name) => name.toLowerCase().endsWith(`\\${written.toLowerCase()}`));
      const hint = named ? `did you mean "${named}"?` : undefined;
      complain(`"${written}" must be HealthSet\\Monitor or HealthSet\\Monitor\\TargetResource`, hint);
      return [];
    }
    const known = catalog.find(healthSet, monitor);
    if (!known) {
      const hint = didYouMean(`${healthSet}\\${monitor}`, allMonitors(catalog));
      complain(`there is no monitor ${healthSet}\\${monitor} in the catalog of health sets`, hint);
      return [];
    }
    return [{ healthSet: known.healthSet, monitor: known.monitor, ...(targetResource && { targetResource }) }];
  });
}

function allMonitors(catalog: Catalog): string[] {
  return catalog.healthSets().flatMap(({ name, monitors }) => monitors.map(({ monitor }) => `${name}\\${monitor}`));
}
