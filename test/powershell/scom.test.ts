import { createHmac } from 'node:crypto';
import { existsSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { hostileValues } from './hostile.ts';
import { type Answer, alertOf, ID, idOf, json, type Site, site } from './scom/site.ts';

/** The scripts of deploy/scom in a real PowerShell, with replacements for SCOM's cmdlets, against a daemon that fails in many ways. */
const engines = inject('engines');

it.runIf(engines.length === 0)('the SCOM scripts are not tested without PowerShell', ({ skip }) => skip());

const fine = { code: 0, said: '' };

describe.each(engines)('the SCOM scripts on $name', (engine) => {
  let at: Site;
  afterEach(() => at.end());

  describe('the command channel', () => {
    it('posts an alert with the token from its file and leaves nothing in the spool', async () => {
      at = await site(engine);
      at.has(alertOf());
      expect(await at.send()).toEqual(fine);
      expect([...at.taken.values()]).toMatchObject([
        { senderId: ID, server: 'mbx1', healthSet: 'IMAP.Protocol', status: 'firing', raisedAt: 1732356672345 },
      ]);
      expect([...at.shown]).toEqual([`POST Bearer ${at.secrets[0]}`]);
      expect(at.names('spool')).toEqual([]);
    });

    it('signs its posts if it has a secret instead of a token', async () => {
      at = await site(engine, { TokenFile: '' });
      const secret = join(at.root, 'secret');
      writeFileSync(secret, 'a secret\n');
      at.configure({ TokenFile: '', SigningSecretFile: secret });
      at.has(alertOf({ Description: '異常' }));
      let signed = false;
      at.daemon.answers = (request, response, body) => {
        const time = request.headers['x-timestamp'];
        const digest = createHmac('sha256', 'a secret').update(`${time}.${body}`).digest('hex');
        signed =
          request.headers['x-signature'] === `sha256=${digest}` && Math.abs(Date.now() / 1000 - Number(time)) < 100;
        at.takes(request, response, body);
      };
      expect(await at.send()).toEqual(fine);
      expect([signed, [...at.shown]]).toEqual([true, ['POST undefined']]);
    });

    const bad: [string, Answer][] = [
      ['closes the connection', (request) => request.socket.destroy()],
      ['does not respond in time', () => {}],
      ['responds byte by byte, endlessly', (_, response) => drip(response)],
      ['is overloaded', (_, response) => json(response, 503, { title: 'try again' })],
      ['limits the rate', (_, response) => json(response, 429, {})],
      ['does not know the token', (_, response) => json(response, 401, {})],
      ['is another server that returns 202', (_, response) => response.writeHead(202).end('<html>Welcome</html>')],
      ['returns 202 and lists no alert', (_, response) => json(response, 202, { alerts: [], refused: [] })],
      ['redirects to another address', (_, response) => response.writeHead(302, { location: '/elsewhere' }).end()],
      ['is a proxy that refuses', (_, response) => response.writeHead(400).end('<html>Bad Request</html>')],
    ];
    it('keeps the alert and exits with 0 if posting fails; the next run posts it once', async () => {
      at = await site(engine, { TimeLimitSeconds: 1 });
      at.has(alertOf());
      const left: [string, unknown][] = [];
      const rest = [...bad];
      at.daemon.answers = (...exchange) => {
        const [what, answers] = rest.shift() as (typeof bad)[number];
        left.push([what, [at.names('spool').length, at.names('refused').length]]);
        answers(...exchange);
      };
      expect(await at.sendTimes(bad.length)).toEqual(fine);
      expect(left).toEqual(bad.map(([what]) => [what, [1, 0]]));
      expect([...at.shown]).toEqual([`POST Bearer ${at.secrets[0]}`]);
      at.configure({});
      at.daemon.answers = at.takes;
      expect(await at.send()).toEqual(fine);
      expect(at.posted).toHaveLength(1);
      expect(at.names('spool')).toEqual([]);
      for (const secret of at.secrets) expect(at.log('send.log')).not.toContain(secret);
    });

    it('loses and duplicates nothing if it is killed while it posts or reads from SCOM', async () => {
      at = await site(engine);
      at.has(alertOf(), alertOf({ Id: idOf(2), NetbiosComputerName: 'MBX2' }));
      const posting = at.startSend(ID);
      // The daemon stores the alert, and the script is killed before it receives the response.
      await new Promise<void>((stored) => {
        at.daemon.answers = (request, _, body) => {
          at.takes(request, silent, body);
          stored();
        };
      });
      await killed(posting);
      const asking = at.startSend(idOf(2), { SCOM_SLOW: '1' });
      await appears(`${at.calledFile}.asked`);
      await killed(asking);
      expect(at.names('spool')).toHaveLength(2);

      at.daemon.answers = at.takes;
      expect(await at.sync()).toEqual(fine);
      expect([...at.taken.values()].map(({ server }) => server).sort()).toEqual(['mbx1', 'mbx2']);
      expect(at.names('spool')).toEqual([]);
    }, 120_000);

    it('keeps the id if SCOM is down, and is not stopped by an invalid id', async () => {
      at = await site(engine);
      at.has(alertOf());
      expect(await at.send(ID, { SCOM_DOWN: '1' })).toEqual(fine);
      expect(at.names('spool')).toEqual([`${ID}.id`]);
      const canary = join(at.root, 'canary');
      const noId = `${ID}}'"; [IO.File]::WriteAllText("${canary}", "ran"); $([IO.File]::WriteAllText("${canary}", "ran"))\n#`;
      expect(await at.send(noId)).toEqual(fine);
      expect(existsSync(canary)).toBe(false);
      expect(at.log('send.log')).toContain('Not an alert id');
      expect(at.taken.size).toBe(1);
    });

    it('several runs at the same time do not disturb each other', async () => {
      at = await site(engine);
      const alerts = [1, 2, 3, 4].map((n) => alertOf({ Id: idOf(n), NetbiosComputerName: `MBX${n}` }));
      at.has(...alerts);
      const ends = await Promise.all(alerts.map(({ Id }) => at.send(Id)));
      expect(ends).toEqual(alerts.map(() => fine));
      expect([...at.taken.values()].map(({ senderId }) => senderId).sort()).toEqual(alerts.map(({ Id }) => Id));
      expect(at.names('spool')).toEqual([]);
      expect(at.log('send.log').match(/Posted/g)?.length).toBe(at.log('send.log').split('\n').length);
    });
  });

  describe('the scheduled task', () => {
    it('posts any title unchanged and never runs it', async () => {
      at = await site(engine);
      const canary = join(at.root, 'canary');
      const values = hostileValues(canary);
      at.has(...values.map(([, value], n) => alertOf({ Id: idOf(n), Name: `health set ${value}` })));
      expect(await at.sync()).toEqual(fine);
      const titles = new Map(at.posted.map(({ senderId, title }) => [senderId, title]));
      for (const [n, [what, value]] of values.entries()) {
        const expected = `health set ${value.replaceAll('\0', '')}`;
        expect([what, titles.get(idOf(n))?.slice(0, 900)]).toEqual([what, expected.slice(0, 900)]);
      }
      expect(existsSync(canary)).toBe(false);
    });

    it('finds alerts that the channel dropped, and posts each change of an alert once', async () => {
      at = await site(engine);
      const other = alertOf({ Id: idOf(9), Name: 'Disk is full' });
      const news = () => at.posted.splice(0).map(({ status, repeatCount }) => [status, repeatCount]);
      at.has(alertOf(), other);
      expect(await at.syncTimes(2)).toEqual(fine);
      expect(news()).toEqual([['firing', 0]]);
      at.has(alertOf({ RepeatCount: 3 }), other);
      expect(await at.sync()).toEqual(fine);
      expect(news()).toEqual([['firing', 3]]);
      at.has(alertOf({ RepeatCount: 3, ResolutionState: 255, LastModified: new Date().toISOString() }), other);
      expect(await at.sync()).toEqual(fine);
      expect(news()).toEqual([['resolved', 3]]);
    });

    it('moves refused alerts aside with the response, posts the rest, and does not post the refused ones again', async () => {
      at = await site(engine);
      at.has(alertOf(), alertOf({ Id: idOf(2), NetbiosComputerName: 'no host name!' }));
      writeFileSync(join(at.folder, 'send.log'), '');
      expect(await at.sync()).toEqual(fine);
      const posted = () => at.posted.map(({ senderId }) => senderId);
      expect(posted()).toEqual([ID]);
      const [file = '', answer = ''] = at.names('refused');
      expect(file).toMatch(new RegExp(`^${idOf(2)}\\.[0-9a-f]{16}\\.json$`));
      expect(readFileSync(join(at.folder, 'refused', answer), 'utf8')).toContain('is not a valid host name');

      // A wrong token fails for every alert, so one request is enough.
      at.has(alertOf({ Id: idOf(3) }), alertOf({ Id: idOf(4) }));
      let asked = 0;
      at.daemon.answers = (_, response) => {
        asked += 1;
        json(response, 401, {});
      };
      expect((await at.sync()).code).toBe(1);
      expect(asked).toBe(1);

      // If one alert fails the whole batch, each is posted alone.
      at.has(
        alertOf({ Id: idOf(3) }),
        alertOf({ Id: idOf(4) }),
        alertOf({ Id: idOf(2), NetbiosComputerName: 'no host name!' }),
      );
      at.daemon.answers = (request, response, body) =>
        body.includes(idOf(4))
          ? json(response, 400, { problems: [{ pointer: '', message: 'no' }] })
          : at.takes(request, response, body);
      expect(await at.sync()).toEqual(fine);
      expect(posted()).toEqual([ID, idOf(3)]);
      expect(at.names('refused').filter((name) => name.endsWith('.json'))).toHaveLength(2);
      expect(at.names('spool')).toEqual([]);
    });
  });

  describe('writing back to SCOM', () => {
    const told = { ViewerTokenFile: '', Owner: 'Second Responder', ResolutionStates: { open: 240, escalated: 0 } };
    const incident = (given: object) => ({
      id: 'inc-1',
      state: 'open',
      phase: 'acting',
      openedAt: '2024-11-23T10:12:00.000Z',
      alerts: [
        { source: 'scom', senderId: ID },
        { source: 'generic', senderId: idOf(7) },
      ],
      ...given,
    });

    it('writes each change once, even if it is killed in between, and does not post its own changes', async () => {
      at = await site(engine, told);
      at.has(alertOf(), alertOf({ Id: idOf(7) }));
      at.incidents.push(
        incident({}),
        incident({ id: 'inc-0', openedAt: '2024-11-23T10:00:00.000Z', state: 'finished', outcome: 'transient' }),
      );
      await at.sync({ SCOM_KILLED_AFTER_SET: '1' });
      expect(await at.syncTimes(2)).toEqual(fine);
      expect(at.posted.map(({ senderId }) => senderId)).toEqual([ID, idOf(7)]);
      const comment = 'Second Responder: is working on it. (incident inc-1)';
      const mark = { Id: ID, CustomField10: 'SecondResponder inc-1 open' };
      expect(at.calls().map(({ parameters }) => parameters)).toEqual([
        { ...mark, Comment: comment, Owner: 'Second Responder', ResolutionState: 240 },
      ]);

      at.posted.length = 0;
      at.incidents.splice(
        0,
        2,
        incident({ state: 'finished', outcome: 'escalated', reason: 'It\'s "over"; $(exit 9)\n異常' }),
      );
      expect(await at.sync()).toEqual(fine);
      expect(
        at
          .calls()
          .slice(1)
          .map(({ parameters }) => parameters),
      ).toEqual([
        {
          Id: ID,
          CustomField10: 'SecondResponder inc-1 escalated',
          Comment: 'Second Responder: escalated. It\'s "over"; $(exit 9)\n異常 (incident inc-1)',
          ResolutionState: 0,
        },
      ]);
      expect(at.posted).toEqual([]);
    });

    it('keeps what a person has set, and never closes an alert', async () => {
      at = await site(engine, told);
      const closed = { ResolutionState: 255, LastModified: new Date().toISOString() };
      at.has(
        alertOf({ ResolutionState: 249, Owner: 'jane' }),
        alertOf({ Id: idOf(2), CustomField10: 'ours, says somebody' }),
        alertOf({ Id: idOf(3), ...closed }),
      );
      at.incidents.push(incident({ alerts: [ID, idOf(2), idOf(3)].map((senderId) => ({ source: 'scom', senderId })) }));
      expect((await at.sync()).code).toBe(1);
      const changes = at
        .calls()
        .map(({ parameters: { Id, ResolutionState, Owner } }) => ({ Id, ResolutionState, Owner }));
      expect(changes).toEqual([
        { Id: ID, ResolutionState: undefined, Owner: undefined },
        { Id: idOf(3), ResolutionState: undefined, Owner: undefined },
      ]);
      expect(at.log('sync.log')).toContain('CustomField10 is already in use');

      const settings = join(at.folder, 'settings.json');
      const closing = JSON.parse(readFileSync(settings, 'utf8')) as { ResolutionStates: object };
      writeFileSync(settings, JSON.stringify({ ...closing, ResolutionStates: { recovered: 255 } }));
      at.has(alertOf());
      at.incidents.splice(0, 1, incident({ state: 'finished', outcome: 'recovered' }));
      expect((await at.sync()).code).toBe(1);
      expect(at.log('sync.log')).toContain('254 and 255 would close the alert');
      expect(at.calls()).toHaveLength(2);
    });
  });

  it('creates channel, subscriber, subscription and task once each, and nothing with -WhatIf', async () => {
    at = await site(engine);
    const settings = join(at.folder, 'settings.json');
    rmSync(settings);
    const parameters = ['-Uri', 'https://second-responder.contoso.com', '-TaskUser', 'CONTOSO\\responder$'];
    const rehearsed = await at.install(...parameters, '-WhatIf');
    expect(rehearsed).toMatchObject({ code: 0, said: expect.stringContaining('What if:') });
    expect([at.calls(), existsSync(settings)]).toEqual([[], false]);

    expect(await at.install(...parameters)).toEqual(fine);
    const made = at.calls();
    expect(made.map(({ command }) => command)).toEqual([
      'Add-SCOMNotificationChannel',
      'Add-SCOMNotificationSubscriber',
      'Add-SCOMNotificationSubscription',
      'Register-ScheduledTask',
    ]);
    const [channel, , subscription, task] = made.map((call) => call.parameters);
    const argument = `-AlertId "$Data[Default='NotPresent']/Context/DataItem/AlertId$" -Folder "${at.folder}"`;
    expect(channel?.Argument).toMatch(/^-NoProfile -NonInteractive -File ".*Send-SecondResponderAlert\.ps1" /);
    expect(channel?.Argument?.slice(-argument.length)).toBe(argument);
    expect(subscription).toMatchObject({ Subscriber: 'Second Responder', Channel: 'Second Responder' });
    expect(task).toMatchObject({ Trigger: 'every 00:05:00', Principal: 'CONTOSO\\responder$ by Password' });
    expect(JSON.parse(readFileSync(settings, 'utf8'))).toMatchObject({ Uri: 'https://second-responder.contoso.com' });

    expect(await at.install(...parameters)).toEqual(fine);
    expect(at.calls()).toHaveLength(made.length);
    expect(await at.install('-Uri', 'http://second-responder.contoso.com', '-TaskUser', 'x')).toMatchObject({
      code: 1,
    });
  });

  it('rotates a long log', async () => {
    at = await site(engine);
    at.has(alertOf());
    writeFileSync(join(at.folder, 'send.log'), 'x'.repeat(1_100_000));
    expect(await at.send()).toEqual(fine);
    expect(at.log('send.log')).toContain('Posted 1 alerts.');
    expect(at.log('send.log.1')).toHaveLength(1_100_000);
  });
});

/** A response that is never sent. */
const silent = { writeHead: () => ({ end: () => {} }) } as unknown as Parameters<Answer>[1];

function drip(response: Parameters<Answer>[1]): void {
  response.writeHead(202);
  const timer = setInterval(() => response.write(' '), 100);
  response.on('close', () => clearInterval(timer));
}

function killed(child: ReturnType<Site['startSend']>): Promise<unknown> {
  return new Promise((ended) => {
    child.on('close', ended);
    child.kill('SIGKILL');
  });
}

/** Resolves when the file exists. */
function appears(file: string): Promise<void> {
  return new Promise((done) => {
    const watcher = watch(dirname(file), check);
    function check(): void {
      if (!existsSync(file)) return;
      watcher.close();
      done();
    }
    check();
  });
}
