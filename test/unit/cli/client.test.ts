import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, test } from 'vitest';
import { Away, createDaemon } from '../../../src/cli/daemon/client.ts';
import { CliError } from '../../../src/cli/errors.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a refusal is told in sentences', () => {
  const problems = [
    { pointer: '/server', message: 'is missing' },
    { pointer: '', message: 'is \u001b[31mwrong' },
  ];
  test.each([
    [
      'every problem with its place',
      400,
      { title: 'Not valid', detail: 'There are 2 problems.', problems },
      'Not valid: There are 2 problems.\n  /server is missing\n  is \\x1b[31mwrong',
    ],
    [
      'nothing twice',
      400,
      { title: 'No', detail: '/server: is missing', problems: problems.slice(0, 1) },
      'No\n  /server is missing',
    ],
    [
      'what to do without a token',
      401,
      { title: 'Authentication required' },
      'Authentication required\nPass a token with --token-file FILE or SECOND_RESPONDER_TOKEN.',
    ],
  ])('%s', async (_, status, document, sentence) => {
    const url = await serve((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(document));
    });
    const error = await createDaemon(url, undefined)
      .ask('GET', '/x')
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CliError);
    expect((error as Error).message.split('\n').map((line) => line.trimEnd())).toEqual(sentence.split('\n'));
  });

  it('says so when something else than a daemon answers', async () => {
    const url = await serve((_, response) => response.end('<html>'));
    await expect(createDaemon(url, undefined).ask('GET', '/x')).rejects.toThrow(/Is it a Second Responder daemon\?/);
  });

  it('names the address and how to start one when nobody answers', async () => {
    const url = await serve(() => {});
    server?.close();
    await once(server as Server, 'close');
    const answer = createDaemon(url, undefined).ask('GET', '/x');
    await expect(answer).rejects.toBeInstanceOf(Away);
    await expect(answer).rejects.toThrow(`No daemon answers at ${url} (connection refused). Start one with`);
  });
});

it('shows its token, and never follows to another address with it', async () => {
  const seen: (string | undefined)[] = [];
  const url = await serve((request, response) => {
    seen.push(request.headers.authorization);
    response.writeHead(302, { location: '/elsewhere' }).end();
  });
  await expect(createDaemon(url, 'secret').ask('GET', '/x')).rejects.toThrow(CliError);
  expect(seen).toEqual(['Bearer secret']);
});

it('reads events however they are cut, and ends when the connection does', async () => {
  const asked: (string | undefined)[] = [];
  const url = await serve((request, response) => {
    asked.push(request.headers['last-event-id'] as string | undefined);
    response.write(': listening\n\nid: 1-0\neve');
    setImmediate(() => {
      response.write('nt: opened\ndata: {"a":"ü"}\r\n\r\nid: 2-0\ndata: {"b":1}\n\nid: 3-0\ndata: {"half');
      setImmediate(() => response.destroy());
    });
  });
  const seen: unknown[] = [];
  for await (const event of createDaemon(url, undefined).events('0-5')) seen.push(event);
  expect(seen).toEqual(['alive', { id: '1-0', data: { a: 'ü' } }, { id: '2-0', data: { b: 1 } }]);
  expect(asked).toEqual(['0-5']);
});
