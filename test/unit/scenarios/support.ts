import { loadConfig } from '../../../src/config/load.ts';
import { languageOf, loadPlaybooks } from '../../../src/playbooks/read.ts';
import { STEPS } from '../../../src/steps/index.ts';
import { loadCatalog } from '../../../src/verification/catalog.ts';

export const { config } = loadConfig({ env: {}, cwd: process.cwd() });
export const catalog = loadCatalog(config.verification.catalog);
export const playbooks = loadPlaybooks(config.playbooks.directory, languageOf(config, STEPS, catalog));
