"""Stands in for the server in tests: change `server` before a call, read it after one."""

import enum
import json
import os
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Callable, Optional


class _Err(Exception):
    def __init__(self, value):
        super().__init__(value)
        self.value = value


@dataclass
class Context:
    run: str = "run_1"
    workflow: str = "test"
    step: str = "plugin"
    attempt: int = 1
    idempotency_key: str = "run_1/plugin"
    now_ms: int = 1_700_000_000_000


@dataclass
class Server:
    config: dict = field(default_factory=dict)
    secrets: dict = field(default_factory=dict)
    kv: dict = field(default_factory=dict)
    log: list = field(default_factory=list)
    #: Takes a request and gives a response with status, url, headers (pairs) and body.
    answer: Optional[Callable] = None


server = Server()


def call(handler, input, **context):
    """One call with values instead of JSON. An error is raised as (code, message, retry) in CallError."""
    try:
        return json.loads(handler().run(json.dumps(input), Context(**context)))
    except _Err as error:
        raise CallError(error.value.code, error.value.message, error.value.retry) from None


class CallError(Exception):
    def __init__(self, code, message, retry):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retry = retry


@dataclass
class _Error:
    code: str
    message: str
    retry: bool


class _Level(enum.Enum):
    DEBUG = 0
    INFO = 1
    WARN = 2
    ERROR = 3


def _fail(code, message):
    raise _Err(_Error(code, message, False))


def _secret(name):
    return server.secrets[name] if name in server.secrets else _fail("secret_missing", f"nobody has set the secret {name}")


def _send(request):
    return server.answer(request) if server.answer else _fail("http_failed", f"nobody answers {request.url}")


def _increment(key, by):
    server.kv[key] = str(int(server.kv.get(key, "0")) + by)
    return int(server.kv[key])


def _compare_and_set(key, expected, value, ttl_ms):
    same = server.kv.get(key) == expected
    if same:
        server.kv[key] = value
    return same


def _list(prefix, after, limit):
    keys = sorted(key for key in server.kv if key.startswith(prefix) and (after is None or key > after))
    return [(key, server.kv[key]) for key in keys[:limit]]


def _record(**fields: Any):
    return SimpleNamespace(**fields)


def _request(method, url, headers, body):
    return _record(method=method, url=url, headers=headers, body=body)


_wit = _record(Err=_Err)
_types = _record(Error=_Error)
_handler = _record(Description=_record, Example=_record)
_logging = _record(Level=_Level, log=lambda level, message: server.log.append(f"{level.name.lower()}: {message}"))
_config = _record(
    get=lambda key: json.dumps(server.config[key]) if key in server.config else None,
    all=lambda: json.dumps(server.config),
)
_secrets = _record(get=_secret)
_kv = _record(
    get=lambda key: server.kv.get(key),
    set=lambda key, value, ttl_ms: server.kv.__setitem__(key, value),
    delete=lambda key: server.kv.pop(key, None) is not None,
    increment=_increment,
    compare_and_set=_compare_and_set,
    list=_list,
)
_http = _record(Request=_request, send=_send)
_wasi_random = _record(get_random_bytes=os.urandom)
