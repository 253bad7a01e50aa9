import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { createLab, type Lab, type LabOptions } from '../../lab/lab.ts';
import { labRouter } from './router.ts';

export interface ServedLab {
  lab: Lab;
  url: string;
  close(): Promise<void>;
}

/** Serves a lab over HTTP. Port 0 uses any free port. Throws like `createLab`, and if the port is in use. */
export async function serveLab(options: { host?: string; port: number } & LabOptions): Promise<ServedLab> {
  const { host = '127.0.0.1', port, ...rest } = options;
  const lab = createLab(rest);
  const app = express();
  app.disable('x-powered-by');
  app.use(labRouter(lab));
  const server = createServer(app);
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    lab.close();
    throw error;
  }
  const { address, port: taken, family } = server.address() as AddressInfo;
  return {
    lab,
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      lab.close();
    },
  };
}
