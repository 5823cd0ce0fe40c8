// The server that the documentation of quickjs-emscripten suggests: evaluate, resolve the promise, run the jobs, dump the result.
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const { getQuickJS, shouldInterruptAfterDeadline } = require(`${process.env.PEERS}/quickjs-emscripten/node_modules/quickjs-emscripten`);

const [folder, port] = process.argv.slice(2);
const { SECRET, WORKFLOWS } = process.env;
const script = (name) => fs.readFileSync(`${folder}/${name}.js`, 'utf8');
const scripts = { '/hostile': script('hostile') };
for (let number = 0; number < Number(WORKFLOWS); number++) scripts[`/w1-${number}`] = script('w1');

function verified(request, body) {
  const given = Buffer.from(request.headers['x-hub-signature-256'] ?? '');
  const right = Buffer.from(`sha256=${crypto.createHmac('sha256', SECRET).update(body).digest('hex')}`);
  return given.length === right.length && crypto.timingSafeEqual(given, right);
}

async function run(quickjs, script, context) {
  const runtime = quickjs.newRuntime();
  runtime.setMemoryLimit(32 << 20);
  // 512 KiB are more than the module's own stack carries.
  runtime.setMaxStackSize(256 << 10);
  runtime.setInterruptHandler(shouldInterruptAfterDeadline(Date.now() + 2000));
  const vm = runtime.newContext();
  try {
    vm.newString(context).consume((text) => vm.setProp(vm.global, 'input', text));
    const source = `(async (context) => JSON.stringify(await (async () => {\n${script}\n})()))(JSON.parse(input))`;
    const promise = vm.unwrapResult(vm.evalCode(source, 'script.js'));
    const settled = vm.resolvePromise(promise);
    promise.dispose();
    runtime.executePendingJobs().unwrap();
    return vm.unwrapResult(await settled).consume((result) => vm.getString(result));
  } finally {
    vm.dispose();
    runtime.dispose();
  }
}

getQuickJS().then((quickjs) => {
  const server = http.createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', async () => {
      const body = Buffer.concat(parts);
      try {
        if (!verified(request, body)) return response.writeHead(401).end('wrong signature');
        const output = await run(quickjs, scripts[request.url], `{"data":${body},"headers":${JSON.stringify(request.headers)},"query":{}}`);
        response.setHeader('content-type', 'application/json').end(output);
      } catch (error) {
        response.writeHead(500).end(String(error));
      }
    });
  });
  server.listen(Number(port), '127.0.0.1');
});
