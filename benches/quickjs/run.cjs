// The bench's scripts on QuickJS compiled to WebAssembly, each call in a fresh context, in its default settings.
//
// run.cjs MODULES MILLIS NAME SCRIPT DATA [NAME SCRIPT DATA]...: MODULES is the folder that npm filled, SCRIPT a file with the body of a
// function that sees `context`, DATA a file of JSON or `-`. Prints one line a script: name, tab, nanoseconds of CPU time of the best calls.
const fs = require('fs');

const [modules, millis, ...scripts] = process.argv.slice(2);
const { getQuickJS } = require(`${modules}/quickjs-emscripten`);

// As the bench's own `least`: the least mean of a batch, batches until the time is over.
function least(milliseconds, work) {
  const end = performance.now() + milliseconds;
  const batch = (count) => {
    const before = process.cpuUsage();
    for (let i = 0; i < count; i += 1) work();
    const { user, system } = process.cpuUsage(before);
    return ((user + system) * 1000) / count;
  };
  const first = batch(1);
  const count = Math.max(1, Math.ceil(5e6 / Math.max(first, 1e3)));
  let best = first;
  do best = Math.min(best, batch(count)); while (performance.now() < end);
  return best;
}

getQuickJS().then((quickjs) => {
  for (let i = 0; i < scripts.length; i += 3) {
    const [name, script, file] = scripts.slice(i, i + 3);
    const input = `{"data":${file === '-' ? 'null' : fs.readFileSync(file, 'utf8')},"headers":{},"query":{}}`;
    const source = `JSON.stringify((function (context) {\n${fs.readFileSync(script, 'utf8')}\n})(JSON.parse(input)))`;
    const best = least(Number(millis), () => {
      const vm = quickjs.newContext();
      vm.newString(input).consume((text) => vm.setProp(vm.global, 'input', text));
      vm.unwrapResult(vm.evalCode(source, 'script.js')).consume((result) => vm.getString(result));
      vm.dispose();
    });
    console.log(`${name}\t${Math.round(best)}`);
  }
}).catch((error) => {
  // Its own print of an error is the whole module.
  console.error(`${error.message}\n${error.cause?.stack ?? ''}`);
  process.exit(1);
});
