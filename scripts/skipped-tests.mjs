// A reporter for vitest that lists the tests which were skipped, with the reason each one gives.

export default class SkippedTests {
  onTestRunEnd(modules) {
    /** Numbers of tests by where and why they are skipped. */
    const skipped = new Map();
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const { note } = test.result();
        const place = note ? `${module.relativeModuleId}: ${note}` : `${module.relativeModuleId} > ${reasonOf(test)}`;
        skipped.set(place, (skipped.get(place) ?? 0) + 1);
      }
    }
    const total = [...skipped.values()].reduce((sum, count) => sum + count, 0);
    console.log(`\nSkipped: ${total} ${total === 1 ? 'test' : 'tests'}`);
    for (const [place, count] of skipped) console.log(`  ${count} × ${place}`);
  }
}

/** The names down to the one that says it is skipped; all of them where none does. */
function reasonOf(test) {
  const titles = [test.name];
  for (let at = test.parent; at.type === 'suite'; at = at.parent) titles.unshift(at.name);
  const reason = titles.findIndex((title) => title.includes('skipped'));
  return titles.slice(0, reason === -1 ? titles.length : reason + 1).join(' > ');
}
