/** A thread of a drill: plays each cell that it is sent, and answers with its result. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Cell } from '../drill/cells.ts';
import { drillCell } from '../drill/drill.ts';
import { type DrillSource, drillSetting } from './drill-setting.ts';

const { place, options } = drillSetting(workerData as DrillSource);
const port = parentPort;
port?.on('message', async (cell: Cell) => {
  port.postMessage((await drillCell(cell, place, options)) ?? null);
});
