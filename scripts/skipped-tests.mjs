// A reporter for vitest that lists the tests which were skipped, with the reason each one gives.

export default class SkippedTests {
  onTestRunEnd(modules) {
    /** Numbers of tests by the place where they are skipped. */
    const skipped = new Map();
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const { note } = test.result();
        const place = note ? `${module.relativeModuleId}: ${note}` : `${module.relativeModuleId} > ${suiteOf(test)}`;
        skipped.set(place, (skipped.get(place) ?? 0) + 1);
      }
    }
    const total = [...skipped.values()].reduce((sum, count) => sum + count, 0);
    console.log(`\nSkipped: ${total} ${total === 1 ? 'test' : 'tests'}`);
    for (const [place, count] of skipped) console.log(`  ${count} × ${place}`);
  }
}

/** The outermost suite, whose title says why it is skipped; the test itself where there is none. */
function suiteOf(test) {
  const titles = [test.name];
  for (let at = test.parent; at.type === 'suite'; at = at.parent) titles.unshift(at.name);
  return titles.length > 1 ? titles.slice(0, -1).join(' > ') : titles[0];
}
