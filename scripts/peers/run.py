#!/usr/bin/env python3
"""Flowcell beside other servers that run JavaScript on webhooks: one load, and what hostile scripts do to each.

Started by `scripts/bench --peers [--quick] [--only NAME,...] [--rounds N] [--seconds S] [--minutes M] [--skip-load] [--skip-hostile]`.
Each peer has a folder here: package.json or `install` (kept in the target folder, under `peers`), and
`start FOLDER PORT PORT2`. With both --skip options it only installs. No round is begun that would end after --minutes. Every server listens on 127.0.0.1 and is killed with its children by pid. Never run against
servers of others.
"""

import signal
import sys

from hostile import hostile
from load import loads
from servers import PEERS_BY_NAME, Server, install


def main():
    arguments = sys.argv[1:]
    value = lambda option, default: arguments[arguments.index(option) + 1] if option in arguments else default
    quick = "--quick" in arguments
    only = value("--only", None)
    names = [name for name, peer in PEERS_BY_NAME.items() if only is None or peer.folder in only.split(",")]
    refused = {}
    for folder in dict.fromkeys(PEERS_BY_NAME[name].folder for name in names):
        why = install(folder)
        if why:
            refused.update({name: why for name in names if PEERS_BY_NAME[name].folder == folder})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if "--skip-load" not in arguments:
            rounds, seconds = int(value("--rounds", 1 if quick else 3)), float(value("--seconds", 1 if quick else 2))
            loads(names, quick, rounds, seconds, float(value("--minutes", 15)), refused)
        if "--skip-hostile" not in arguments:
            hostile([name for name in names if name not in refused])
    finally:
        for server in list(Server.running):
            server.__exit__()


if __name__ == "__main__":
    main()
