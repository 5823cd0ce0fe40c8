#!/usr/bin/env python3
"""Flowcell beside other servers that run JavaScript on webhooks: one load, and what hostile scripts do to each.

Started by `scripts/bench --peers [--quick] [--only NAME,...] [--skip-load] [--skip-hostile]`. Each peer has a folder
here: package.json or `install` (kept under target/peers), and `start FOLDER PORT PORT2`. Every server listens on
127.0.0.1, is started anew for each figure, and is killed with its children by pid. Never run against servers of others.
"""

import concurrent.futures
import hashlib
import hmac
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PEERS = os.path.join(ROOT, "target", "peers")
PAYLOAD = open(os.environ["PAYLOAD"], "rb").read()
SECRET = os.environ["SECRET"].encode()
W1 = open(os.path.join(ROOT, "benches", "scripts", "w1.js")).read()
# Resident memory at which a server is killed, so that the machine survives the comparison.
MEMORY_MOST = 3 << 30
# Heap of one Node process. Node's own default depends on the machine and is several GiB.
NODE_OPTIONS = "--max-old-space-size=1024"
CASE_SECONDS = 10

# Name: folder, path of W1, path of the hostile script, status of success, whether the hostile script has a port of its own.
NAMES = {
    "Flowcell sync": ("flowcell", "/api/webhooks/w1-sync", "/api/webhooks/hostile", 200, False),
    "Flowcell async": ("flowcell", "/api/webhooks/w1-async", None, 202, False),
    "Node-RED": ("node-red", "/w1", "/hostile", 200, False),
    "workerd": ("workerd", "/", "/", 200, True),
    "quickjs-emscripten": ("quickjs-emscripten", "/w1", "/hostile", 200, False),
    "webhook + node": ("webhook", "/hooks/w1", "/hooks/hostile", 200, False),
}
DOES = {
    "flowcell": "signature, dedupe, durable run; sandbox a call",
    "node-red": "answers; one vm context a node, kept",
    "workerd": "answers; one isolate a worker, kept",
    "quickjs-emscripten": "answers; runtime and context a request",
    "webhook": "signature; process a request",
}

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


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def processes():
    """Parent and resident bytes of every process."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = open(f"/proc/{name}/stat").read().rpartition(")")[2].split()
                found[int(name)] = (int(fields[1]), int(fields[21]) * os.sysconf("SC_PAGE_SIZE"))
            except (OSError, IndexError):
                pass
    return found


def tree(root, table):
    """The pids of a process and all below it."""
    pids, grew = {root}, True
    while grew:
        more = {pid for pid, (parent, _) in table.items() if parent in pids and pid not in pids}
        pids, grew = pids | more, bool(more)
    return pids


class Server:
    """A server with its own folder and ports; as a context it is killed at the end, with its children."""

    running = set()

    def __init__(self, name, hostile=W1):
        self.kind, self.path, self.hostile_path, self.status, two = NAMES[name]
        self.folder = tempfile.mkdtemp(prefix="peer-")
        self.ports = (free_port(), free_port())
        self.hostile_port = self.ports[1 if two else 0]
        for script, text in (("w1", W1), ("hostile", hostile)):
            with open(f"{self.folder}/{script}.js", "w") as file:
                file.write(text)
        environment = dict(os.environ, PEERS=PEERS, BENCH_SECRET="a secret of the server", NODE_OPTIONS=NODE_OPTIONS)
        self.log = open(f"{self.folder}/log", "wb")
        self.child = subprocess.Popen(
            [f"{HERE}/{self.kind}/start", self.folder, *map(str, self.ports)],
            stdout=self.log, stderr=self.log, env=environment, start_new_session=True,
        )
        Server.running.add(self)
        self.peak, self.killed, self.watching = 0, False, True
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()

    def watch(self):
        while self.watching:
            table = processes()
            resident = sum(table[pid][1] for pid in tree(self.child.pid, table) if pid in table)
            self.peak = max(self.peak, resident)
            if resident > MEMORY_MOST:
                self.killed = True
                self.kill()
            time.sleep(0.1)

    def wait(self):
        """Until W1 is answered."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.alive():
            answer = send(self.ports[0], self.path, 5)
            if answer.status == self.status:
                return self
            time.sleep(0.2)
        raise RuntimeError(f"{self.kind} does not come up: " + open(f"{self.folder}/log", errors="replace").read()[-2000:])

    def alive(self):
        return self.child.poll() is None

    def kill(self):
        for pid in sorted(tree(self.child.pid, processes())):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.watching = False
        self.kill()
        self.child.wait()
        self.log.close()
        Server.running.discard(self)
        shutil.rmtree(self.folder, ignore_errors=True)


class Answer:
    """What came back: a status, or none and why; the body's first 64 KiB and its whole length."""

    def __init__(self):
        self.status, self.why, self.head, self.length, self.seconds = None, "", b"", 0, 0.0


def send(port, path, seconds):
    """One signed event, within `seconds` in all."""
    answer, started = Answer(), time.monotonic()
    deadline = started + seconds
    signature = "sha256=" + hmac.new(SECRET, PAYLOAD, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-hub-signature-256": signature, "x-github-delivery": str(uuid.uuid4())}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("POST", path, PAYLOAD, headers)
        response = connection.getresponse()
        while chunk := response.read(1 << 16):
            answer.head = answer.head or chunk
            answer.length += len(chunk)
            if time.monotonic() > deadline:
                raise TimeoutError
        answer.status = response.status
    except TimeoutError:
        answer.why = "no answer"
    except (OSError, http.client.HTTPException) as error:
        answer.why = type(error).__name__
    finally:
        connection.close()
    answer.seconds = time.monotonic() - started
    return answer


def attack(name, case):
    """Starts the server with one hostile script, calls it, and W1 meanwhile. Gives one cell of the table."""
    with Server(name, HOSTILE[case]) as server, concurrent.futures.ThreadPoolExecutor() as pool:
        server.wait()
        healthy = server.peak
        hostile = pool.submit(send, server.hostile_port, server.hostile_path, CASE_SECONDS)
        if case == "prototype pollution":
            hostile.result()
            hostile = pool.submit(send, server.hostile_port, server.hostile_path, CASE_SECONDS)
            hostile.result()
        else:
            time.sleep(0.5)
        other = send(server.ports[0], server.path, 5)
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


def load(name, connections, seconds, most):
    """Figures of W1 on a fresh server."""
    with Server(name) as server:
        server.wait()
        address = f"127.0.0.1:{server.ports[0]}"
        command = [os.environ["LOAD"], "--load", address, server.path, str(server.status), str(connections), str(int(seconds * 1000)), str(most)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds * 4 + 60)
        if done.returncode:
            return {"failed": done.stderr.strip().splitlines()[:2]}
        return dict(json.loads(done.stdout), rss=server.peak)


def install(kind):
    """Once; what is there is kept."""
    target, source = os.path.join(PEERS, kind), os.path.join(HERE, kind)
    done = os.path.join(target, ".complete")
    package = os.path.join(source, "package.json")
    wanted = open(package).read() if os.path.exists(package) else ""
    if os.path.exists(done) and open(done).read() == wanted:
        return
    os.makedirs(target, exist_ok=True)
    if wanted:
        print(f"installing {kind}", file=sys.stderr)
        shutil.copy(package, target)
        subprocess.run(["npm", "install", "--prefix", target, "--no-audit", "--no-fund", "--loglevel", "error"], check=True)
    elif os.path.exists(os.path.join(source, "install")):
        print(f"installing {kind}", file=sys.stderr)
        subprocess.run([os.path.join(source, "install"), target], check=True)
    with open(done, "w") as file:
        file.write(wanted)


def table(head, rows):
    """Markdown with aligned columns."""
    widths = [max(len(str(row[column])) for row in [head, *rows]) for column in range(len(head))]
    line = lambda row: "| " + " | ".join(str(cell).ljust(width) for cell, width in zip(row, widths)) + " |"
    print(line(head), line(["-" * width for width in widths]), *map(line, rows), sep="\n", flush=True)


def loads(names, quick):
    # In rounds, and the median of them: what else the machine does meanwhile hits all servers alike.
    rounds, seconds, most = (1, 1.5, 5_000) if quick else (3, 3, 50_000)
    for connections in (8, 64):
        all_rounds = [{name: load(name, connections, seconds, most) for name in names} for _ in range(rounds)]
        figures = {}
        for name in names:
            good = sorted((figure[name] for figure in all_rounds if "failed" not in figure[name]), key=lambda one: one["per_second"])
            figures[name] = dict(good[len(good) // 2], rss=max(one["rss"] for one in good)) if good else all_rounds[0][name]
        base = figures.get("Flowcell sync", {}).get("per_second")
        rows = []
        for name, figure in figures.items():
            if "failed" in figure:
                rows.append([name, *["-"] * 5, " ".join(figure["failed"])])
                continue
            ratio = f"{figure['per_second'] / base:.2f}" if base else "-"
            rows.append([
                name, f"{figure['per_second']:.0f}", f"{figure['p50_us'] / 1e3:.1f}", f"{figure['p99_us'] / 1e3:.1f}",
                figure["rss"] >> 20, ratio, DOES[NAMES[name][0]],
            ])
        print(f"\nW1 on a GitHub push of 2 KB, {connections} connections, the median of {rounds} rounds of {seconds} s (RSS: the peak, of all its processes)\n")
        table(["server", "req/s", "p50 ms", "p99 ms", "RSS MiB", "of Flowcell", "what it does"], rows)


def hostile(names):
    names = [name for name in names if NAMES[name][2]]
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


RESULTS = {}


def main():
    arguments = sys.argv[1:]
    names = list(NAMES)
    if "--only" in arguments:
        only = arguments[arguments.index("--only") + 1].split(",")
        names = [name for name in names if NAMES[name][0] in only]
    for kind in dict.fromkeys(NAMES[name][0] for name in names):
        install(kind)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if "--skip-load" not in arguments:
            loads(names, "--quick" in arguments)
        if "--skip-hostile" not in arguments:
            hostile(names)
    finally:
        for server in list(Server.running):
            server.__exit__()


if __name__ == "__main__":
    main()
