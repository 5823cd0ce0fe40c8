"""The servers that are compared: where they come from, how they are started, what they cost and how they are stopped."""

import fcntl
import hashlib
import hmac
import http.client
import os
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
PEERS = os.path.join(os.environ.get("CARGO_TARGET_DIR") or os.path.join(ROOT, "target"), "peers")
PAYLOAD = open(os.environ["PAYLOAD"], "rb").read()
SECRET = os.environ["SECRET"].encode()
W1 = open(os.path.join(ROOT, "benches", "scripts", "w1.js")).read()
# Resident memory at which a server is killed, so that the machine survives the comparison.
MEMORY_MOST = 3 << 30
# Heap of one Node process. Node's own default depends on the machine and is several GiB.
NODE_OPTIONS = "--max-old-space-size=1024"
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Peer:
    """One line of the tables. In `path`, `{}` is the number of a workflow. Without `hostile`, no hostile script runs there."""

    def __init__(self, folder, path, does, hostile=None, status=200, own_port=False, stateful=False, **settings):
        self.folder, self.path, self.does, self.hostile = folder, path, does, hostile
        self.status, self.own_port, self.stateful, self.settings = status, own_port, stateful, settings


PEERS_BY_NAME = {
    "Flowcell sync": Peer(
        "flowcell", "/api/webhooks/w1-{}", "signature, dedupe, durable run; fresh state a call",
        "/api/webhooks/hostile", stateful=True, MODE="sync",
    ),
    "Flowcell async": Peer(
        "flowcell", "/api/webhooks/w1-{}", "the same; 202 once the run is durable", status=202, stateful=True, MODE="async",
    ),
    "bare axum": Peer("axum", "/", "parses the body and answers; no script"),
    "Node-RED": Peer("node-red", "/w1-{}", "signature; one vm context a node, kept", "/hostile", TIMEOUT="0"),
    "Node-RED, timeout": Peer("node-red", "/w1-{}", "the same, function nodes with a timeout of 2 s", "/hostile", TIMEOUT="2"),
    "workerd": Peer("workerd", "/w1-{}", "signature; one isolate a worker, kept", "/", own_port=True),
    "quickjs-emscripten": Peer("quickjs-emscripten", "/w1-{}", "signature; runtime and context a request", "/hostile"),
    "webhook + node": Peer("webhook", "/hooks/w1-{}", "signature; a process a request", "/hooks/hostile"),
    "n8n": Peer("n8n", "/webhook/w1-{}", "signature; task runner; run stored, not synced", "/webhook/hostile"),
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def processes():
    """Parent, resident bytes and processor seconds, those of children that ended included, of every process."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = open(f"/proc/{name}/stat").read().rpartition(")")[2].split()
                found[int(name)] = (int(fields[1]), int(fields[21]) * PAGE, sum(map(int, fields[11:15])) / TICK)
            except (OSError, IndexError):
                pass
    return found


def tree(root, table):
    """The pids of a process and all below it."""
    pids, grew = {root}, True
    while grew:
        more = {pid for pid, (parent, *_) in table.items() if parent in pids and pid not in pids}
        pids, grew = pids | more, bool(more)
    return pids


class Server:
    """A server with its own folder and ports; as a context it is killed at the end, with its children."""

    running = set()

    def __init__(self, name, hostile=None, workflows=1):
        self.peer = PEERS_BY_NAME[name]
        self.folder = tempfile.mkdtemp(prefix="peer-")
        self.ports = (free_port(), free_port())
        self.hostile_port = self.ports[1 if self.peer.own_port else 0]
        for script, text in (("w1", W1), ("hostile", hostile or W1)):
            with open(f"{self.folder}/{script}.js", "w") as file:
                file.write(text)
        environment = dict(
            os.environ, PEERS=PEERS, BENCH_SECRET="a secret of the server", NODE_OPTIONS=NODE_OPTIONS,
            WORKFLOWS=str(workflows), HOSTILE="yes" if hostile else "", **self.peer.settings,
        )
        self.log = open(f"{self.folder}/log", "wb")
        self.child = subprocess.Popen(
            [f"{HERE}/{self.peer.folder}/start", self.folder, *map(str, self.ports)],
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
            time.sleep(0.2)

    def cpu(self):
        """Processor seconds so far, of all its processes."""
        table = processes()
        return sum(table[pid][2] for pid in tree(self.child.pid, table) if pid in table)

    def path(self, workflow=0):
        return self.peer.path.replace("{}", str(workflow))

    def wait(self, workflows=1, seconds=90):
        """Until the first and the last workflow answer to W1."""
        deadline = time.monotonic() + seconds
        missing = [self.path(workflow) for workflow in sorted({0, workflows - 1})]
        while missing and time.monotonic() < deadline and self.alive():
            if send(self.ports[0], missing[-1], 5).status == self.peer.status:
                missing.pop()
            else:
                time.sleep(0.2)
        if missing:
            raise RuntimeError(f"{self.peer.folder} does not come up: {self.last_words()}")
        return self

    def last_words(self):
        """The end of what it printed."""
        return open(f"{self.folder}/log", errors="replace").read()[-2000:].strip()

    def settle(self, seconds=60):
        """Until what was accepted is done."""
        deadline = time.monotonic() + seconds
        while self.peer.stateful and time.monotonic() < deadline:
            if b'"pending_runs":0' in send(self.ports[0], "/readyz", 5, "GET").head:
                return
            time.sleep(0.05)

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


def send(port, path, seconds, method="POST", good=True):
    """One event, signed if it is `good`, within `seconds` in all."""
    answer, started = Answer(), time.monotonic()
    deadline = started + seconds
    signature = "sha256=" + hmac.new(SECRET if good else b"another", PAYLOAD, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-hub-signature-256": signature, "x-github-delivery": str(uuid.uuid4())}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request(method, path, PAYLOAD if method == "POST" else None, headers)
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


def install(folder):
    """Once, whole or not at all. A second bench waits. Gives why it cannot be, or nothing."""
    source, target = os.path.join(HERE, folder), os.path.join(PEERS, folder)
    recipes = [path for name in ("install", "package.json") if os.path.exists(path := os.path.join(source, name))]
    if not recipes:
        return None
    wanted = "".join(open(recipe).read() for recipe in recipes)
    os.makedirs(PEERS, exist_ok=True)
    with open(os.path.join(PEERS, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made_of = os.path.join(target, ".made-of")
        if os.path.exists(made_of) and open(made_of).read() == wanted:
            return None
        print(f"installing {folder}", file=sys.stderr, flush=True)
        part = f"{target}.part"
        for old in (part, target):
            shutil.rmtree(old, ignore_errors=True)
        os.makedirs(part)
        if recipes[0].endswith("install"):
            command = [recipes[0], part]
        else:
            shutil.copy(recipes[0], part)
            command = ["npm", "install", "--prefix", part, "--no-audit", "--no-fund", "--loglevel", "error"]
        done = subprocess.run(command, stdout=sys.stderr, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            return f"cannot be installed: {lines[0] if lines else 'no reason given'}"
        with open(os.path.join(part, ".made-of"), "w") as file:
            file.write(wanted)
        os.rename(part, target)
    return None


def table(head, rows):
    """Markdown with aligned columns."""
    widths = [max(len(str(row[column])) for row in [head, *rows]) for column in range(len(head))]
    line = lambda row: "| " + " | ".join(str(cell).ljust(width) for cell, width in zip(row, widths)) + " |"
    print(line(head), line(["-" * width for width in widths]), *map(line, rows), sep="\n", flush=True)
