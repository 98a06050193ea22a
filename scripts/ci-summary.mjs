// Adds up vitest's JSON reports, named as arguments, and prints `N passed, N failed, N skipped`. Fails when a test
// failed, when none ran, or when a report is missing.
import { existsSync, readFileSync } from 'node:fs';

const sum = { passed: 0, failed: 0, skipped: 0 };
let isComplete = true;
for (const path of process.argv.slice(2)) {
  if (!existsSync(path)) {
    console.log(`There is no report ${path}: that run ended early.`);
    isComplete = false;
    continue;
  }
  const report = JSON.parse(readFileSync(path, 'utf8'));
  sum.passed += report.numPassedTests;
  sum.failed += report.numFailedTests;
  sum.skipped += report.numPendingTests + report.numTodoTests;
  // A file that cannot be loaded fails without a failing test in it.
  const broken = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
  );
  for (const { name } of broken) console.log(`${name} could not be run.`);
  sum.failed += broken.length;
}
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = isComplete && sum.failed === 0 && sum.passed > 0 ? 0 : 1;
