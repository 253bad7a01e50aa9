/** Two lists of lines, compared: the shortest way from one to the other. */

export interface DiffLine {
  /** ` `: in both; `-`: expected only; `+`: actual only. */
  mark: ' ' | '-' | '+';
  text: string;
}

/** `isSame` compares an expected line with an actual one. The text of a common line is the actual one. */
export function diff(
  expected: readonly string[],
  actual: readonly string[],
  isSame: (one: string, other: string) => boolean,
): DiffLine[] {
  // longest[i][j]: how many lines expected[i…] and actual[j…] have in common, in order.
  const longest = Array.from({ length: expected.length + 1 }, () => new Array<number>(actual.length + 1).fill(0));
  for (let i = expected.length - 1; i >= 0; i--) {
    for (let j = actual.length - 1; j >= 0; j--) {
      longest[i]![j] = isSame(expected[i]!, actual[j]!)
        ? longest[i + 1]![j + 1]! + 1
        : Math.max(longest[i + 1]![j]!, longest[i]![j + 1]!);
    }
  }
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < expected.length || j < actual.length) {
    if (i < expected.length && j < actual.length && isSame(expected[i]!, actual[j]!)) {
      lines.push({ mark: ' ', text: actual[j]! });
      i += 1;
      j += 1;
    } else if (j === actual.length || (i < expected.length && longest[i + 1]![j]! >= longest[i]![j + 1]!)) {
      lines.push({ mark: '-', text: expected[i]! });
      i += 1;
    } else {
      lines.push({ mark: '+', text: actual[j]! });
      j += 1;
    }
  }
  return lines;
}
