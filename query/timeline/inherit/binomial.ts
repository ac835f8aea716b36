/** How likely at least `successes` of `trials` are, each with this chance. */
export function binomialTail(trials: number, chance: number, successes: number): number {
  if (successes <= 0 || chance >= 1) return 1;
  if (chance <= 0) return 0;
  // The logarithm of the first term, and each next one from the one before.
  let log = successes * Math.log(chance) + (trials - successes) * Math.log1p(-chance);
  for (let at = 1; at <= successes; at++) log += Math.log((trials - successes + at) / at);
  let sum = 0;
  for (let count = successes; count <= trials; count++) {
    sum += Math.exp(log);
    log += Math.log(((trials - count) / (count + 1)) * (chance / (1 - chance)));
  }
  return Math.min(1, sum);
}
