/**
 * The patterns of FQL's `match`: `*` any characters, `?` one, `[abc]`, `[a-z]`, `[^a]` one of a
 * list, `\x` the character x. Case counts, and the whole text must match. Takes time in
 * proportion to text times pattern, whatever the pattern is.
 */

type Step = '*' | ((character: string) => boolean);

/**
 * A test of texts against a pattern.
 * @throws Error saying what is wrong with the pattern
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  const steps = stepsOf([...pattern]);
  return (text) => isMatch(steps, [...text]);
}

function stepsOf(characters: readonly string[]): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at];
    if (character === '*') {
      if (steps.at(-1) !== '*') steps.push('*');
    } else if (character === '?') {
      steps.push(() => true);
    } else if (character === '[') {
      const { step, end } = listFrom(characters, at);
      steps.push(step);
      at = end;
    } else {
      const wanted = character === '\\' ? characters[++at] : character;
      if (wanted === undefined) throw new Error('a pattern ends with a backslash');
      steps.push((given) => given === wanted);
    }
  }
  return steps;
}

/** @param from where the list's `[` stands. */
function listFrom(characters: readonly string[], from: number): { step: Step; end: number } {
  const isNegated = characters[from + 1] === '^';
  const ranges: (readonly [from: string, to: string])[] = [];
  let at = from + (isNegated ? 2 : 1);
  const next = (): string => {
    if (characters[at] === '\\') at++;
    const character = characters[at++];
    if (character === undefined) throw new Error('a list in a pattern does not end');
    return character;
  };
  while (characters[at] !== ']' || ranges.length === 0) {
    const first = next();
    const isRange = characters[at] === '-' && characters[at + 1] !== ']';
    if (isRange) at++;
    ranges.push([first, isRange ? next() : first]);
  }
  const step = (given: string): boolean =>
    ranges.some(([low, high]) => low <= given && given <= high) !== isNegated;
  return { step, end: at };
}

/** Only the last `*` can ever take more, so that one place to go back to is enough. */
function isMatch(steps: readonly Step[], text: readonly string[]): boolean {
  let step = 0;
  let at = 0;
  let backStep = -1;
  let backAt = 0;
  while (at < text.length) {
    const wanted = steps[step];
    if (wanted === '*') {
      backStep = step++;
      backAt = at;
    } else if (wanted !== undefined && wanted(text[at] ?? '')) {
      step++;
      at++;
    } else if (backStep >= 0) {
      step = backStep + 1;
      at = ++backAt;
    } else {
      return false;
    }
  }
  return steps.slice(step).every((rest) => rest === '*');
}
