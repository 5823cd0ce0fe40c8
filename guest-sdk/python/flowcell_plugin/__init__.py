"""Plugins for Flowcell in Python.

`plugin(...)` makes the class `Handler` that componentize-py looks for, of a description and a function from a value to a value.
`log`, `kv`, `http`, `secrets`, `config` and `random_bytes` are what a plugin may ask its server for. Outside WebAssembly, where there
is no server, `flowcell_plugin.testing` stands in for it.
"""

import json
import random as _random
import traceback
from dataclasses import dataclass

try:
    import componentize_py_types as _wit
    from wit_world.exports import handler as _handler
    from wit_world.imports import config as _config
    from wit_world.imports import http as _http
    from wit_world.imports import kv as _kv
    from wit_world.imports import logging as _logging
    from wit_world.imports import random as _wasi_random
    from wit_world.imports import secrets as _secrets
    from wit_world.imports import types as _types
except ImportError:
    from .testing import _config, _handler, _http, _kv, _logging, _secrets, _types, _wasi_random, _wit

__all__ = ["PluginError", "config", "http", "kv", "log", "plugin", "random_bytes", "secrets"]


class PluginError(Exception):
    """Why something was not done, with a stable code for programs. `retry`: another attempt may succeed."""

    def __init__(self, code, message, retry=False):
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry = retry


def plugin(*, name, version, run, title="", input=None, output=None, capabilities=(), examples=()):
    """The class `Handler`: `Handler = plugin(name=..., version=..., run=run)`.

    input, output: JSON Schemas. capabilities: "http:HOST", "kv:PREFIX", "secret:NAME".
    examples: (title, input) or, if the output is always the same, (title, input, output).
    """
    description = _handler.Description(
        name=name,
        version=version,
        title=title,
        input_schema=None if input is None else _dump(input),
        output_schema=None if output is None else _dump(output),
        capabilities=[_capability(text) for text in capabilities],
        examples=[_example(*example) for example in examples],
    )

    class Handler:
        def describe(self):
            return description

        def run(self, input, context):
            try:
                # The interpreter was seeded when the plugin was built, so every instance would draw the same numbers.
                _random.seed(random_bytes(16))
                return _dump(run(json.loads(input), context))
            except PluginError as error:
                raise _wit.Err(_types.Error(error.code, error.message, error.retry)) from None
            except Exception as error:
                log.error(traceback.format_exc().rstrip())
                raise _wit.Err(_types.Error("failed", f"{type(error).__name__}: {error}", False)) from None

    return Handler


def _dump(value):
    """JSON has no NaN and no infinity."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _capability(text):
    if not text.startswith(("http:", "kv:", "secret:")):
        raise ValueError(f'the capability "{text}" is none of "http:HOST", "kv:PREFIX", "secret:NAME"')
    return text


def _example(title, input, *output):
    return _handler.Example(title=title, input=_dump(input), output=_dump(output[0]) if output else None)


def _asked(function, *arguments):
    """What the server gives, or its error as a PluginError."""
    try:
        return function(*arguments)
    except _wit.Err as error:
        raise PluginError(error.value.code, error.value.message, error.value.retry) from None


def _load(text):
    return None if text is None else json.loads(text)


class log:
    """Lines in the log of the step; what is printed goes there too."""

    @staticmethod
    def debug(message):
        _logging.log(_logging.Level.DEBUG, str(message))

    @staticmethod
    def info(message):
        _logging.log(_logging.Level.INFO, str(message))

    @staticmethod
    def warn(message):
        _logging.log(_logging.Level.WARN, str(message))

    @staticmethod
    def error(message):
        _logging.log(_logging.Level.ERROR, str(message))


class config:
    """The `config` of the step: what the author of the workflow has set for this use of the plugin."""

    @staticmethod
    def get(key, default=None):
        value = _config.get(key)
        return default if value is None else json.loads(value)

    @staticmethod
    def all():
        return json.loads(_config.all())


class secrets:
    """Secrets by name. Each needs the capability "secret:NAME"."""

    @staticmethod
    def get(name):
        return _asked(_secrets.get, name)


class kv:
    """Values that the workflow keeps between runs. Keys need the capability "kv:PREFIX". What is written becomes durable with the
    step's success; a failed attempt leaves nothing."""

    @staticmethod
    def get(key, default=None):
        value = _asked(_kv.get, key)
        return default if value is None else json.loads(value)

    @staticmethod
    def set(key, value, ttl_ms=None):
        _asked(_kv.set, key, _dump(value), ttl_ms)

    @staticmethod
    def delete(key):
        """Whether there was a value."""
        return _asked(_kv.delete, key)

    @staticmethod
    def increment(key, by=1):
        """Adds to an integer, 0 if there is none, and gives the sum."""
        return _asked(_kv.increment, key, by)

    @staticmethod
    def compare_and_set(key, expected, value, ttl_ms=None):
        """Sets if the value is `expected`, or if there is none when that is None; whether it was."""
        return _asked(_kv.compare_and_set, key, None if expected is None else _dump(expected), _dump(value), ttl_ms)

    @staticmethod
    def list(prefix, after=None, limit=100):
        """Pairs of key and value, in order of the keys' bytes; at most `limit`, up to 1000."""
        return [(key, json.loads(value)) for key, value in _asked(_kv.list, prefix, after, limit)]


@dataclass
class Response:
    status: int
    #: Of the last redirect.
    url: str
    #: Names in lower case.
    headers: dict
    body: bytes

    @property
    def ok(self):
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


class http:
    """Requests to other services. Each host needs the capability "http:HOST". Up to 10 redirects are followed."""

    @staticmethod
    def send(method, url, headers=None, body=b"", json=None):
        """A status of 400 or more is a response, not an error."""
        headers = dict(headers or {})
        if json is not None:
            body = _dump(json)
            if not any(name.lower() == "content-type" for name in headers):
                headers["content-type"] = "application/json"
        if isinstance(body, str):
            body = body.encode()
        response = _asked(_http.send, _http.Request(method, url, list(headers.items()), body))
        return Response(response.status, response.url, dict(response.headers), bytes(response.body))

    @staticmethod
    def get(url, headers=None):
        return http.send("GET", url, headers)

    @staticmethod
    def post(url, json=None, headers=None, body=b""):
        return http.send("POST", url, headers, body, json)


def random_bytes(count):
    """The run's own, as `random` is too: a replay sees the same."""
    return bytes(_wasi_random.get_random_bytes(count))
