import { CliError } from '../errors.ts';
import { plain } from '../output/text.ts';

/** A daemon, through its HTTP API. */
export interface Daemon {
  readonly url: string;
  /** Whether a token is sent: the journal then names its owner. */
  readonly known: boolean;
  /**
   * Returns the parsed response. Throws CliError with a readable message if there is no response `within` real milliseconds
   * (default: 30 s), or a problem.
   */
  ask(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown, within?: number): Promise<unknown>;
  /**
   * Events from now on, or after an event; `alive` when the stream starts and regularly while nothing happens. Ends with the
   * connection.
   */
  events(after: string): AsyncGenerator<ServerEvent | 'alive'>;
}

export interface ServerEvent {
  id: string;
  data: unknown;
}

/** No daemon answered. */
export class Away extends CliError {}

interface ProblemDocument {
  title?: string;
  detail?: string;
  problems?: { pointer: string; message: string; story?: string[] }[];
}

const ANSWER_WITHIN = 30_000;

export function createDaemon(url: string, token: string | undefined): Daemon {
  const base = url.replace(/\/+$/, '');

  async function request(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (token !== undefined) headers.set('Authorization', `Bearer ${token}`);
    let response: Response;
    try {
      response = await fetch(base + path, { ...init, headers, redirect: 'error' });
    } catch (error) {
      throw new Away(
        `No daemon answers at ${base} (${reason(error)}). ` +
          'Start one with "second-responder serve" or "npm start", or give its address with --url.',
      );
    }
    if (!response.ok) throw await refusal(response, base);
    return response;
  }

  return {
    url: base,
    known: token !== undefined,
    async ask(method, path, body, within = ANSWER_WITHIN) {
      const response = await request(path, {
        method,
        signal: AbortSignal.timeout(within),
        ...(body !== undefined && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
      });
      const text = await response.text().catch((error: unknown) => {
        throw new Away(`${base} closed the connection in the middle of its answer (${reason(error)}).`);
      });
      try {
        return JSON.parse(text);
      } catch {
        throw new CliError(`${base}${path} did not answer with JSON. Is it a Second Responder daemon?`);
      }
    },
    async *events(after) {
      const { body } = await request('/api/v1/events', {
        headers: { Accept: 'text/event-stream', ...(after && { 'Last-Event-ID': after }) },
      });
      if (!body) return;
      let rest = '';
      try {
        for await (const text of body.pipeThrough(new TextDecoderStream())) {
          const frames = (rest + text).split(/\r?\n\r?\n/);
          rest = frames.pop() ?? '';
          yield* frames.map(readFrame);
        }
      } catch (error) {
        // undici throws TypeError for a lost connection; the caller reconnects.
        if (!(error instanceof TypeError)) throw error;
      }
    },
  };
}

function readFrame(frame: string): ServerEvent | 'alive' {
  const fields = new Map(
    frame.split(/\r?\n/).map((line): [string, string] => {
      const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
      return [name, value];
    }),
  );
  const data = fields.get('data');
  return data === undefined ? 'alive' : { id: fields.get('id') ?? '', data: JSON.parse(data) };
}

/** A problem document as text: every problem with its position. */
async function refusal(response: Response, base: string): Promise<CliError> {
  const text = await response.text().catch(() => '');
  let document: ProblemDocument = {};
  try {
    document = JSON.parse(text) as ProblemDocument;
  } catch {
    return new CliError(`${base} answered ${response.status} without an explanation. Is it a Second Responder daemon?`);
  }
  const { title = `status ${response.status}`, detail = '', problems = [] } = document;
  const mend = response.status === 401 ? 'Pass a token with --token-file FILE or SECOND_RESPONDER_TOKEN.' : '';
  const lines = problems.flatMap(({ pointer, message, story = [] }) => [
    `  ${pointer ? `${pointer} ` : ''}${message}`,
    ...story.map((says, index) => `      ${index + 1}. ${says}`),
  ]);
  const repeated = problems.some(({ message }) => detail.includes(message));
  const said = [`${title}${detail && !repeated ? `: ${detail}` : ''}`, ...lines, mend].filter(Boolean);
  return new CliError(said.map(plain).join('\n').trimEnd());
}

function reason(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const { code } = (cause ?? {}) as { code?: string };
  if (code === 'ECONNREFUSED') return 'connection refused';
  if (code === 'ENOTFOUND') return 'no such host';
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${ANSWER_WITHIN / 1000} s`;
  return code ?? (cause instanceof Error ? cause.message : error instanceof Error ? error.message : String(error));
}
