// One event: a process of its own that runs the script on the payload and prints the output.
const [file, payload] = process.argv.slice(2);
const body = require('fs').readFileSync(file, 'utf8');
const run = Object.getPrototypeOf(async () => {}).constructor('context', 'require', body);
run({ data: JSON.parse(payload), headers: {}, query: {} }, require).then((output) => process.stdout.write(JSON.stringify(output)));
