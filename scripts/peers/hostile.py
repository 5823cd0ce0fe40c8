"""What hostile scripts do to each server, and to other scripts on it."""

import concurrent.futures
import re
import sys
import time

from servers import MEMORY_MOST, PEERS_BY_NAME, Server, send, table

CASE_SECONDS = 10
RESULTS = {}

# Name: the body of a function that sees `context`.
HOSTILE = {
    "endless loop": "for (;;) {}",
    "endless promises": "const spin = () => Promise.resolve().then(spin);\nawait spin();",
    "memory bomb": "const kept = [];\nfor (;;) kept.push(new Array(100000).fill(kept.length));",
    "deep recursion": "const deep = (n) => deep(n + 1) + 1;\nreturn deep(0);",
    "deep nesting": "let value = [];\nfor (let i = 0; i < 1000000; i++) value = [value];\nreturn String(value).length;",
    "huge output (256 MiB)": "return 'x'.repeat(256 << 20);",
    "promise never settles": "await new Promise(() => {});\nreturn 1;",
    "escape": """const found = [];
const tries = {
  process: () => process.env.BENCH_SECRET,
  constructor: () => context.data.constructor.constructor('return process')().env.BENCH_SECRET,
  global: () => globalThis.constructor.constructor('return process')().env.BENCH_SECRET,
  console: () => console.log.constructor('return process')().env.BENCH_SECRET,
  require: () => require('fs').readFileSync('/etc/passwd', 'utf8').length,
  shell: () => require('child_process').execSync('id').toString(),
};
for (const name in tries) {
  try {
    if (tries[name]()) found.push(name);
  } catch {}
}
return { found };""",
    "prototype pollution": """const seen = {}.polluted ?? globalThis.polluted ?? null;
Object.prototype.polluted = globalThis.polluted = 'by an earlier request';
Object.getPrototypeOf(context.data).polluted = 'by an earlier request';
Object.getPrototypeOf(context.data.commits).map = () => 'hijacked';
return { seen };""",
}


def attack(name, case):
    """Starts the server with one hostile script, calls it, and W1 meanwhile. Gives one cell of the table."""
    with Server(name, HOSTILE[case]) as server, concurrent.futures.ThreadPoolExecutor() as pool:
        server.wait()
        healthy = server.peak
        hostile = pool.submit(send, server.hostile_port, server.peer.hostile, CASE_SECONDS)
        if case == "prototype pollution":
            hostile.result()
            hostile = pool.submit(send, server.hostile_port, server.peer.hostile, CASE_SECONDS)
            hostile.result()
        else:
            time.sleep(0.5)
        other = send(server.ports[0], server.path(), 5)
        answer = hostile.result()
        time.sleep(0.2)
        text = answer.head.decode(errors="replace")
        if server.killed:
            said = f"took {MEMORY_MOST >> 30} GiB, killed by the bench"
        elif not server.alive():
            said = f"the server dies after {answer.seconds:.1f} s"
        elif answer.status is None:
            said = f"hangs ({answer.why} in {CASE_SECONDS} s)" if answer.why == "no answer" else f"connection lost ({answer.why})"
        elif case == "escape":
            found = re.search(r'"found":\s*\[(.*?)\]', text)
            found = found and found.group(1).replace('"', "")
            said = f"ESCAPES: {found}" if found else f"nothing found ({answer.status})"
        elif case == "prototype pollution":
            said = "LEAKS to the next request" if "earlier request" in text else f"no leak ({answer.status})"
        elif case.startswith("huge output") and answer.status == 200:
            said = f"sends {answer.length >> 20} MiB"
        else:
            code = re.search(r'"code":\s*"(\w+)"', text)
            what = code.group(1) if code else text.strip().splitlines()[0][:60] if text.strip() else "nothing"
            said = f"{answer.status} in {answer.seconds:.1f} s: {what}"
        if case == "prototype pollution" and server.alive() and "hijacked" in other.head.decode(errors="replace"):
            said += "; other scripts HIJACKED"
        elif other.status == 200:
            said += "; others served" + (f" after {other.seconds:.1f} s" if other.seconds > 1 else "")
        elif server.alive() or server.killed:
            said += "; others NOT served" + (f" ({other.status})" if other.status else "")
        if server.peak > healthy + (128 << 20):
            said += f"; RSS {server.peak >> 20} MiB"
        return said


def hostile(names):
    names = [name for name in names if PEERS_BY_NAME[name].hostile]
    print(f"\nHostile scripts, a fresh server for each; 'others': another script called 0.5 s later, given 5 s\n", flush=True)
    for case in HOSTILE:
        for name in names:
            try:
                said = attack(name, case)
            except RuntimeError as error:
                said = str(error).splitlines()[0]
            RESULTS.setdefault(case, {})[name] = said
            print(f"  {case} / {name}: {said}", file=sys.stderr, flush=True)
    # One line a server and case is easier to read than columns this wide.
    table(["script", "server", "what happens"], [[case, name, RESULTS[case][name]] for case in HOSTILE for name in names])
