// Prints the workflows that `start` imports: a webhook node that keeps the body as it came, and a code node that verifies the
// signature with Node's crypto and runs the script. The answer is what the last node gives, which is n8n's own way.
const fs = require('fs');
const folder = process.argv[2];
const { SECRET, WORKFLOWS, HOSTILE } = process.env;

function workflow(name, file, number) {
  const jsCode = `const crypto = require('crypto');
const { headers } = $input.first().json;
const body = await this.helpers.getBinaryDataBuffer(0, 'data');
const given = Buffer.from(headers['x-hub-signature-256'] ?? '');
const right = Buffer.from('sha256=' + crypto.createHmac('sha256', ${JSON.stringify(SECRET)}).update(body).digest('hex'));
if (given.length !== right.length || !crypto.timingSafeEqual(given, right)) throw new Error('wrong signature');
const output = await (async (context) => {
${fs.readFileSync(`${folder}/${file}.js`, 'utf8')}
})({ data: JSON.parse(body.toString()), headers, query: {} });
return [{ json: output }];`;
  const id = `bench${String(number).padStart(11, '0')}`;
  const webhook = { httpMethod: 'POST', path: name, responseMode: 'lastNode', options: { rawBody: true } };
  return {
    id, name, active: false, settings: { executionOrder: 'v1' },
    nodes: [
      { id: `${id}-in`, name: 'in', type: 'n8n-nodes-base.webhook', typeVersion: 2, position: [0, 0], webhookId: `${id}-hook`, parameters: webhook },
      { id: `${id}-code`, name: 'code', type: 'n8n-nodes-base.code', typeVersion: 2, position: [200, 0], parameters: { jsCode } },
    ],
    connections: { in: { main: [[{ node: 'code', type: 'main', index: 0 }]] } },
  };
}

const all = [...Array(Number(WORKFLOWS)).keys()].map((number) => workflow(`w1-${number}`, 'w1', number));
if (HOSTILE) all.push(workflow('hostile', 'hostile', all.length));
console.log(JSON.stringify(all));
