"""One load for all servers: connections, sizes of bodies, numbers of workflows."""

import json
import os
import subprocess
import sys
import tempfile
import time

from servers import MEMORY_MOST, PAYLOAD, PEERS_BY_NAME, Server, send, table

# Connections, bytes of the body, workflows that take turns.
CASES = [(1, 2_000, 1), (8, 2_000, 1), (64, 2_000, 1), (256, 2_000, 1), (8, 64_000, 1), (8, 1_000_000, 1), (8, 2_000, 1_000)]
SIZES = {2_000: "2 KB", 64_000: "64 KB", 1_000_000: "1 MB"}
# Seconds that a server of 1,000 workflows may take until it answers.
START_MOST = 120


def body(size):
    """The push with so many more commits, as a file's path."""
    if len(PAYLOAD) >= size:
        return os.environ["PAYLOAD"]
    push = json.loads(PAYLOAD)
    commits = push["commits"]
    one = len(json.dumps(commits, separators=(",", ":"))) / len(commits)
    push["commits"] = [commits[n % len(commits)] for n in range(int((size - 100) / one))]
    path = os.path.join(FOLDER.name, f"push-{size}.json")
    with open(path, "w") as file:
        json.dump(push, file, separators=(",", ":"))
    return path


FOLDER = tempfile.TemporaryDirectory(prefix="peers-bodies-")


def load(server, case, seconds, most):
    """Figures of one load on a running server."""
    connections, size, workflows = case
    address = f"127.0.0.1:{server.ports[0]}"
    command = [os.environ["LOAD"], "--load", address, server.peer.path, server.peer.status, connections, int(seconds * 1000), most, body(size), workflows]
    with subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as sender:
        try:
            if sender.stdout.readline() != "warm\n":
                raise RuntimeError(why(sender.stderr.read()))
            server.settle()
            before = server.cpu()
            sender.stdin.write("\n")
            sender.stdin.close()
            line = sender.stdout.read()
            if not line:
                raise RuntimeError(why(sender.stderr.read()))
            # What is accepted has to be done as well.
            server.settle()
            figures = json.loads(line)
            figures["cpu_us"] = (server.cpu() - before) * 1e6 / max(figures["count"], 1)
            return figures
        finally:
            sender.kill()


def why(text):
    """The line of a panic that says what happened."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(("thread ", "note: "))]
    return lines[0][:80] if lines else "the load ended without a word"


def round_of(name, cases, seconds, most):
    """All cases on one server: one start for each number of workflows, and another after a fall."""
    results = {}
    for workflows in sorted({case[2] for case in cases}):
        left = [case for case in cases if case[2] == workflows]
        # n8n does not come up with so many within two minutes.
        if workflows > 1 and PEERS_BY_NAME[name].folder == "n8n":
            results.update({case: {"failed": "not measured: two minutes do not suffice to import so many"} for case in left})
            left = []
        while left:
            try:
                left = some_of(name, workflows, left, seconds, most, results)
            except RuntimeError as error:
                print(f"  {name}: {error}", file=sys.stderr, flush=True)
                results.update({case: {"failed": "the server does not come up"} for case in left})
                left = []
    return results


def some_of(name, workflows, cases, seconds, most, results):
    """Cases on a fresh server, until all are done or it falls. Gives those that are left."""
    with Server(name, workflows=workflows) as server:
        server.wait(workflows, START_MOST)
        if not verifies(server):
            print(f"  {name}: answers an event with a wrong signature", file=sys.stderr, flush=True)
        for number, case in enumerate(cases):
            server.peak = 0
            try:
                results[case] = dict(load(server, case, seconds, most), rss=server.peak)
            except RuntimeError as error:
                results[case] = {"failed": str(error)}
            if not server.alive():
                why = f"took {MEMORY_MOST >> 30} GiB, killed by the bench" if server.killed else "the server fell"
                print(f"  {name}: {why} ({server.child.poll()}): {server.last_words()}", file=sys.stderr, flush=True)
                results[case] = {"failed": why}
                return cases[number + 1 :]
            time.sleep(0.25)
    return []


def verifies(server):
    """Whether W1 does not run for an event that somebody else signed."""
    answer = send(server.ports[0], server.path(), 5, good=False)
    return answer.status != server.peer.status or b"authors" not in answer.head or server.peer.folder == "axum"


def loads(names, quick, rounds, seconds, minutes, refused_at_install):
    """Rounds over all servers; for each case the median of the rounds, with the least and the most."""
    cases = [case for case in CASES if case[2] == 1] if quick else CASES
    most = 5_000 if quick else 1_000_000
    figures = {name: {case: [] for case in cases} for name in names}
    begun, done = time.monotonic(), 0
    # Another round only if there is time for it, by the rounds so far.
    while done < rounds and (time.monotonic() - begun) * (done + 1) <= minutes * 60 * max(done, 1):
        done += 1
        for name in names:
            if name in refused_at_install:
                continue
            started = time.monotonic()
            for case, figure in round_of(name, cases, seconds, most).items():
                figures[name][case].append(figure)
            print(f"  round {done} of {rounds}: {name}, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    for case in cases:
        connections, size, workflows = case
        many = f"{workflows:,} workflow{'s' if workflows > 1 else ''}"
        print(f"\nW1, body of {SIZES[size]}, {connections} connection{'s' if connections > 1 else ''}, {many}; median of {done} round{'s' if done > 1 else ''} of {seconds} s\n")
        of_node_red = median(figures.get("Node-RED", {}).get(case, []))
        rows = [row(name, figures[name][case], of_node_red, refused_at_install.get(name)) for name in names]
        table(HEAD, rows)


HEAD = ["server", "req/s", "least-most", "p50 ms", "p99 ms", "CPU us/req", "RSS MiB", "req/s of Node-RED", "CPU of Node-RED", "what it does"]


def median(all_figures):
    """The figure in the middle of those that are good, by requests a second."""
    good = sorted((figure for figure in all_figures if "failed" not in figure and figure["count"]), key=lambda one: one["per_second"])
    return good[len(good) // 2] if good else None


def row(name, all_figures, of_node_red, refused):
    """One line of a table."""
    does = PEERS_BY_NAME[name].does
    figure = median(all_figures)
    if figure is None:
        failed = refused or next((one["failed"] for one in all_figures if "failed" in one), "no request was answered")
        return [name, *["-"] * 8, failed]
    rates = [one["per_second"] for one in all_figures if "failed" not in one]
    ratio = lambda key: f"{figure[key] / of_node_red[key]:.2f}" if of_node_red and of_node_red[key] else "-"
    if figure["refused"]:
        does += f"; {figure['refused']:,} more refused"
    return [
        name, f"{figure['per_second']:,.0f}", f"{min(rates):,.0f}-{max(rates):,.0f}", f"{figure['p50_us'] / 1e3:.2f}",
        f"{figure['p99_us'] / 1e3:.2f}", f"{figure['cpu_us']:,.0f}", figure["rss"] >> 20, ratio("per_second"), ratio("cpu_us"), does,
    ]
