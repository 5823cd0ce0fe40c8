const { harness, source, waits } = context.data;
const { log } = console;
const indirect = eval;
const text = (error) => {
  if (error === null || typeof error !== 'object') return `verdict: threw ${typeof error}: ${String(error)}`;
  return `verdict: threw ${error.constructor && error.constructor.name}: ${error.message}`;
};
let resolve;
const waited = new Promise((settle) => { resolve = settle; });
globalThis.$DONE = (error) => resolve(error ? text(error) : 'verdict: passed');
globalThis.reportCompare = () => {};
globalThis.$262 = {
  global: globalThis,
  evalScript: (code) => indirect(code),
  gc() {},
};
globalThis.print = globalThis.print ?? (() => {});
let verdict;
try {
  indirect(harness);
  indirect(source);
  verdict = waits ? await waited : 'verdict: passed';
} catch (error) {
  verdict = text(error);
}
log(verdict);
return verdict;
