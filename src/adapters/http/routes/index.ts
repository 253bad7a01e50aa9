import type { Route, Surroundings } from '../route.ts';
import { alertRoutes } from './alerts.ts';
import { eventRoutes } from './events.ts';
import { healthRoutes } from './health.ts';
import { incidentRoutes } from './incidents.ts';
import { killSwitchRoutes } from './kill-switch.ts';
import { metricsRoutes } from './metrics.ts';
import { openApiRoutes } from './openapi.ts';
import { playbookRoutes } from './playbooks.ts';
import { rootRoutes } from './root.ts';
import { undoRoutes } from './undo.ts';
import { whatIfRoutes } from './what-if.ts';

/** The whole API: handlers, description and allowed methods all come from this list. */
export function allRoutes(around: Surroundings): Route[] {
  const routes = [
    ...rootRoutes(around),
    ...alertRoutes(around),
    ...incidentRoutes(around),
    ...killSwitchRoutes(around),
    ...playbookRoutes(around),
    ...whatIfRoutes(around),
    ...undoRoutes(around),
    ...eventRoutes(around),
    ...healthRoutes(around),
    ...metricsRoutes(around),
  ];
  return [...routes, ...openApiRoutes(around, routes)];
}
