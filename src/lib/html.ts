import { createHash } from 'node:crypto';

/** For text and attributes of HTML and SVG. */
export const escapeXml = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

/** A page of its own: no script, nothing from elsewhere, and a policy that allows exactly its styles. `body` is HTML. */
export function htmlPage({ title, style, body }: { title: string; style: string; body: string }): string {
  const sheet = `<style>${style}</style>`;
  const hashes = [...`${sheet}${body}`.matchAll(/<style>([^<]*)<\/style>/g)].map(
    ([, text = '']) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${hashes.join(' ')}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(title)}</title>
${sheet}
</head>
<body>
${body}
</body>
</html>
`;
}
