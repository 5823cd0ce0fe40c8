// Where Node.js finds what the server gives a plugin.
const host = new URL("./host.js", import.meta.url).href;

export function resolve(specifier, context, next) {
  const known = /^(?:flowcell:plugin|wasi:random)\/([a-z-]+)@/.exec(specifier);
  if (known === null) return next(specifier, context);
  // Each interface as a module of its own: their functions share names.
  const source = `import { server } from ${JSON.stringify(host)};\n` + interfaces[known[1]]
    .map((name) => `const f_${name} = (...a) => server.${known[1]}.${name}(...a);\nexport { f_${name} as ${name} };\n`).join("");
  return { url: `data:text/javascript,${encodeURIComponent(source)}`, shortCircuit: true };
}

const interfaces = {
  config: ["get", "all"],
  http: ["send"],
  kv: ["get", "set", "delete", "increment", "compareAndSet", "list"],
  logging: ["log"],
  random: ["getRandomBytes"],
  secrets: ["get"],
};
