import { describe, expect, it } from 'vitest';
import { redisTarget } from '../../src/adapters/redis/connect.ts';

describe('the URL of a Redis', () => {
  it.each([
    ['redis://localhost', 'localhost:6379'],
    ['redis://:secret@redis.contoso.com:6380/2', 'redis.contoso.com:6380'],
    ['rediss://user:p%40ss@redis.contoso.com', 'redis.contoso.com:6379'],
    ['redis://[::1]:7000', '::1:7000'],
    ['redis+unix:///run/redis/redis.sock', '/run/redis/redis.sock'],
    ['redis+sentinel://:secret@s1:26379,s2/mymaster', 'mymaster by sentinels s1:26379,s2'],
    ['redis+cluster://c1:7001,c2:7002', 'cluster c1:7001,c2:7002'],
  ])('%s is understood', (url, describes) => {
    expect(redisTarget(url).describe).toBe(describes);
  });

  it.each([
    ['localhost:6379', 'it is not a URL'],
    ['http://localhost', 'the scheme is unknown'],
    ['redis://', 'one of its hosts is not valid'],
    ['redis://a,b', 'must name one host'],
    ['redis://a:99999', 'one of its ports is not valid'],
    ['redis://a/first', 'its database is not a number'],
    ['redis+unix://redis.sock', 'three slashes'],
    ['redis+sentinel://s1:26379', 'name of the monitored master is missing'],
    ['redis+cluster://a:1,b:x', 'one of its hosts is not valid'],
    ['rediss://a?auth=hush', 'it contains a ? or #'],
    ['redis+unix:///run/x?password=hush', 'it contains a ? or #'],
    ['redis+cluster://a/1', 'does not support database numbers'],
    ['redis://:100%@a', 'contains a %: write %25'],
  ])('%s is refused, because %s', (url, why) => {
    expect(() => redisTarget(url)).toThrow(why);
    expect(() => redisTarget(url)).toThrow('Forms: redis://');
  });

  it('never shows its password', () => {
    expect(redisTarget('redis://:secret@a').describe).not.toContain('secret');
    let says = '';
    try {
      redisTarget('redis://:secret@a/x');
    } catch (error) {
      says = String(error);
    }
    expect(says).toContain('…@a/…');
    expect(says).not.toContain('secret');
  });
});
