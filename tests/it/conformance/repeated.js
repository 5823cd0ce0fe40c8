const { harness, source, fresh } = context.data;
const { log } = console;
const indirect = eval;
const text = (error) => {
  if (error === null || typeof error !== 'object') return `threw ${typeof error}: ${String(error)}`;
  return `threw ${error.constructor && error.constructor.name}: ${error.message}`;
};
globalThis.reportCompare = () => {};
globalThis.print = globalThis.print ?? (() => {});
globalThis.$262 = { global: globalThis, evalScript: (code) => indirect(code), gc() {} };
let ends = 'verdict:';
try {
  indirect(harness);
  let test = indirect(`(function () {${source}\n})`);
  for (let round = 0; round < 4; round++) {
    let end = 'passed';
    try {
      if (fresh && round > 0) test = indirect(`(function () {${source}\n})`);
      test();
    } catch (error) {
      end = text(error);
    }
    ends += ` ${end};`;
  }
} catch (error) {
  ends = `verdict: ${text(error)}`;
}
log(ends);
return ends;
