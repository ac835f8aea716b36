const namesMax = 4096;

/** A test of field names, which repeat from line to line, asked once for each; a log that makes up names cannot fill the memory. */
export function remembered(test: (name: string) => boolean): (name: string) => boolean {
  const answers = new Map<string, boolean>();
  return name => {
    let answer = answers.get(name);
    if (answer === undefined) {
      answer = test(name);
      if (answers.size >= namesMax) answers.clear();
      answers.set(name, answer);
    }
    return answer;
  };
}
