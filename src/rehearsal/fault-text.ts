/**
 * A fault in one line: its name and options (`unhealthy healthSet=OWA cure=restart-server`), or the JSON that POST /lab/v1/faults
 * takes. Throws `Error` with a message for people.
 */
export function readFault(text: string): Record<string, unknown> {
  if (text.trimStart().startsWith('{')) {
    try {
      return JSON.parse(text) as Record<string, unknown>;
    } catch (error) {
      throw new Error(`"${text}" is not valid JSON: ${(error as Error).message}`);
    }
  }
  const [fault = '', ...options] = text.trim().split(/\s+/);
  const pairs = options.map((option): [string, unknown] => {
    const at = option.indexOf('=');
    if (at < 1) throw new Error(`"${option}" is not an option of a fault: write ${fault} name=value`);
    return [option.slice(0, at), readValue(option.slice(at + 1))];
  });
  return { fault, ...Object.fromEntries(pairs) };
}

/** The inverse: in one line where each option reads back as the same, else as JSON. */
export function writeFault({ fault, ...options }: Readonly<Record<string, unknown>>): string {
  const written = Object.entries(options).map(([key, value]) => ({ key, value, text: String(value) }));
  const isShort = written.every(({ value, text }) => /^\S+$/.test(text) && readValue(text) === value);
  return isShort
    ? [fault, ...written.map(({ key, text }) => `${key}=${text}`)].join(' ')
    : JSON.stringify({ fault, ...options });
}

function readValue(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^\d+$/.test(text) ? Number(text) : text;
}
