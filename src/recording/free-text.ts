import { isIPv6 } from 'node:net';
import { KINDS, type Placeholder, type Pseudonyms } from './pseudonyms.ts';
import { characterBefore, folded, isLetter, LETTER, type Place, WordFinder } from './words.ts';

/** What is known about an organisation before its texts are cleaned. */
export interface Known {
  pseudonyms: Pseudonyms;
  /** Full domain names, and all other names. */
  domains: readonly string[];
  names: readonly string[];
  /** Exchange's own names: health sets, monitors, services, components. */
  vocabulary: readonly string[];
}

/** `strict`: the text is a target resource or a folder, in which a backslash separates more than domain and user. */
export type TextCleaner = (text: string, strict: boolean) => string;

/** A position in a text and its replacement. */
type Claim = Place & { by: string };
/** `isFree`: whether no earlier rule has claimed any part of that position. */
type Rule = (text: string, strict: boolean, isFree: (place: Place) => boolean) => Claim[];

/**
 * Replaces names of the organisation in free text. Best effort: an unknown name (a person, an in-house product, a host
 * of another domain) looks like any other word.
 */
export function textCleaner(known: Known): TextCleaner {
  const rules = rulesFor(known);
  const memory = [new Map<string, string>(), new Map<string, string>()] as const;
  return (text, strict) => {
    const before = memory[strict ? 1 : 0];
    const cleaned = before.get(text) ?? substitute(text, strict, rules);
    before.set(text, cleaned);
    return cleaned;
  };
}

/** Each position belongs to the first rule that claims it. */
function substitute(text: string, strict: boolean, rules: readonly Rule[]): string {
  const claimed: Claim[] = [];
  const isFree = ({ from, to }: Place) => !claimed.some((other) => from < other.to && other.from < to);
  for (const rule of rules) claimed.push(...rule(text, strict, isFree));
  claimed.sort((a, b) => a.from - b.from);
  let written = '';
  let end = 0;
  for (const { from, to, by } of claimed) {
    written += text.slice(end, from) + by;
    end = to;
  }
  return written + text.slice(end);
}

/** Claims the matches of an expression; if `replace` returns nothing, the search continues one character later. */
function matching(
  find: RegExp,
  replace: (found: RegExpExecArray, text: string, strict: boolean) => string | undefined,
): Rule {
  return (text, strict, isFree) => {
    const claims: Claim[] = [];
    find.lastIndex = 0;
    for (let found = find.exec(text); found; found = find.exec(text)) {
      const place = { from: found.index, to: found.index + found[0].length };
      const by = isFree(place) ? replace(found, text, strict) : undefined;
      if (by === undefined) find.lastIndex = found.index + 1;
      else claims.push({ ...place, by });
    }
    return claims;
  };
}

function naming(names: readonly string[], replace: (found: string) => string | undefined): Rule {
  const finder = new WordFinder(names);
  return (text, _, isFree) =>
    finder
      .find(text)
      .filter(isFree)
      .flatMap((place) => {
        const by = replace(text.slice(place.from, place.to));
        return by === undefined ? [] : [{ ...place, by }];
      });
}

const HEX = '[0-9a-f]';
const IN_HOST = `[${LETTER}_\\-]`;
/** An email address of a person or a mailbox; `SystemMailbox{…}@` has braces. */
const IN_MAIL = `[${LETTER}._%+'$\\{\\}\\-]`;
// Starts only where such characters start, so that a long word is scanned once.
export const MAIL = new RegExp(`(?<!${IN_MAIL})${IN_MAIL}+@(${LETTER}(?:[${LETTER}.\\-]*${LETTER})?)`, 'gv');
/** Directory names contain people's names too. */
const DIRECTORY_NAME = /\b(?:CN|OU|DC|O)=[^,;="\n]+(?:,\s?(?:CN|OU|DC|O|C)=[^,;="\n]+)+/giu;
const OLD_DIRECTORY_NAME = /\/o=[^/"'\n,;]+(?:\/(?:ou|cn)=[^/"'\n,;]+)*/giu;
const HEALTH_MAILBOX = /HealthMailbox[0-9a-f]{6,32}/giu;
const GUID = new RegExp(`(?<!${HEX})${HEX}{8}-(?:${HEX}{4}-){3}${HEX}{12}(?!${HEX})`, 'gi');
const GUID_WITHOUT_DASHES = /(?<![0-9a-z])[0-9a-f]{32}(?![0-9a-z])/gi;
const SID = /(?<![0-9a-z])S-1-\d+(?:-\d+)+/gi;
const SHARE = new RegExp(`(?<![${LETTER}\\\\:])\\\\\\\\(${LETTER}${IN_HOST}*(?:\\.${IN_HOST}+)*)`, 'gv');
const ACCOUNT = new RegExp(
  `(?<![${LETTER}\\\\\\/:.\\-_])(${LETTER}[${LETTER}.\\-_]{0,63})\\\\(${LETTER}(?:[${LETTER}.\\-_$]*[${LETTER}$])?)`,
  'gv',
);
const IP_4 = /(?<![0-9a-z]|[0-9a-z]\.)\d{1,3}(?:\.\d{1,3}){3}(?![0-9a-z]|\.\d)/gi;
const IP_6 =
  /(?<![0-9a-z:.])(?:[0-9a-f]{0,4}:){2,8}(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4})(?:%[0-9a-z]+)?(?![0-9a-z])/gi;

function rulesFor(known: Known): Rule[] {
  const { pseudonyms, domains, names, vocabulary } = known;
  const placeholder = (kind: Placeholder, find: RegExp) => matching(find, ([found]) => pseudonyms.of(kind, found));
  const byName = (found: string) => neutral(found, known);
  return [
    matching(MAIL, ([found, domain = '']) => {
      const user = found.slice(0, found.length - domain.length - 1);
      const kind = /^HealthMailbox/i.test(user) ? 'HealthMailbox' : 'user';
      return `${pseudonyms.of(kind, user)}@${hostName(domain, known)}`;
    }),
    placeholder('dn', DIRECTORY_NAME),
    placeholder('dn', OLD_DIRECTORY_NAME),
    placeholder('HealthMailbox', HEALTH_MAILBOX),
    placeholder('guid', GUID),
    placeholder('guid', GUID_WITHOUT_DASHES),
    placeholder('sid', SID),
    naming(protectedWords(known), (found) => found),
    // A part of such a name could be mistaken for a part of an account or a host.
    naming(
      names.filter((name) => /\s/.test(name)),
      byName,
    ),
    accounts(known, new Set(vocabulary.map(folded))),
    fullNames(domains, known),
    matching(SHARE, ([, host = '']) => (isKnown(host, known) ? undefined : `\\\\${pseudonyms.of('host', host)}`)),
    matching(IP_6, ([found]) => {
      // A trailing colon belongs to the sentence.
      const address = [found, found.replace(/:$/, '')].find((each) => isIPv6(each));
      // The loopback and the unspecified address are the same on every machine.
      if (address === undefined || address === '::' || address === '::1') return undefined;
      return pseudonyms.of('ip', address) + found.slice(address.length);
    }),
    matching(IP_4, ([found]) => {
      const isAddress = found.split('.').every((part) => Number(part) <= 255);
      return !isAddress || /^(127\.|0\.0\.0\.0$)/.test(found) ? undefined : pseudonyms.of('ip', found);
    }),
    naming([...names, ...domains], byName),
  ];
}

/** Names found in every organisation, whatever its servers are called. */
const PRODUCT = ['Microsoft.Exchange', 'Microsoft Exchange', 'Microsoft\\Exchange Server', 'Exchange Server'];

/**
 * Exchange's own names that contain a name of the organisation as a word: `IMAP.Protocol` if a server is called `imap`.
 */
function protectedWords({ names, domains, vocabulary }: Known): string[] {
  const finder = new WordFinder([...names, ...domains]);
  return [...new Set([...PRODUCT, ...vocabulary])].filter((term) => finder.isPartOf(term));
}

/** Names of Windows itself, the same everywhere, and beginnings of paths. */
const NO_DOMAIN =
  /^(authority|builtin|apppool|service|manager|host|root|device|system|software|hk[a-z]{1,3}|hkey_\w+)$/i;
const SPACED_FOLDER = /\b(program|common|exchange|exchange server|documents and)\s$/i;

/**
 * `DOMAIN\user`, as far as it can be distinguished from a path and from Exchange's `HealthSet\Probe` and
 * `Database\Server`.
 */
function accounts(known: Known, vocabulary: ReadonlySet<string>): Rule {
  return matching(ACCOUNT, (found, text, strict) => {
    const [whole, domain = '', user = ''] = found;
    if (text[found.index + whole.length] === '\\') return undefined;
    const isDomain = known.pseudonyms.find('label', domain) ?? known.pseudonyms.find('domain', domain);
    if (!isDomain && isKnown(domain, known) && isKnown(user, known)) return undefined;
    if (!isDomain && known.pseudonyms.find('server', domain) === undefined) {
      if (strict || domain.includes('.') || NO_DOMAIN.test(domain) || vocabulary.has(folded(domain))) return undefined;
      if (
        /(Probe|Monitor|Responder)$/.test(user) ||
        SPACED_FOLDER.test(text.slice(Math.max(0, found.index - 20), found.index))
      )
        return undefined;
    }
    return known.pseudonyms.of('account', whole);
  });
}

/** A known domain, with every host in front of it. */
function fullNames(domains: readonly string[], known: Known): Rule {
  const finder = new WordFinder(domains);
  return (text, _, isFree) => {
    const places = finder.find(text).map(({ from, to }) => {
      let begin = from;
      if (text[from - 1] === '.') {
        for (let before = characterBefore(text, begin); before !== undefined; before = characterBefore(text, begin)) {
          if (!isLetter(before) && !'._-'.includes(before)) break;
          begin -= before.length;
        }
        while ('._-'.includes(text[begin]!)) begin++;
      }
      return { from: begin, to };
    });
    return places.filter(isFree).map((place) => ({ ...place, by: hostName(text.slice(place.from, place.to), known) }));
  };
}

/** Replaces a full name: the domain by its pseudonym, and the host by the server's pseudonym or a new one. */
export function hostName(found: string, { domains, pseudonyms }: Pick<Known, 'domains' | 'pseudonyms'>): string {
  const name = folded(found);
  const domain = domains
    .filter((each) => name === folded(each) || name.endsWith(`.${folded(each)}`))
    .sort((a, b) => b.length - a.length)[0];
  if (domain === undefined) return pseudonyms.of('domain', found);
  const host = name.slice(0, Math.max(0, name.length - folded(domain).length - 1));
  const other = pseudonyms.of('domain', domain);
  if (host === '') return other;
  const known = (['server', 'dag', 'host'] as const).map((kind) => pseudonyms.find(kind, host)).find(Boolean);
  return `${known ?? pseudonyms.of('host', host)}.${other}`;
}

function neutral(found: string, { pseudonyms }: Known): string | undefined {
  for (const kind of KINDS) {
    const other = pseudonyms.find(kind, found);
    if (other !== undefined) return other;
  }
  return undefined;
}

function isKnown(name: string, known: Known): boolean {
  return neutral(name, known) !== undefined || known.domains.some((domain) => folded(name).endsWith(folded(domain)));
}
