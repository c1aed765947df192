"""A loopback server that speaks OpenAI's chat-completions protocol, with faults of real ones dialled in."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

Fault = Literal["error", "hang", "malformed", "no_usage", "cut", "unauthorized", "no_model", "refuse_limit"]
CODES = {"unauthorized": "invalid_api_key", "no_model": "model_not_found"}
STATUS = {"error": 500, "unauthorized": 401, "no_model": 404, "refuse_limit": 429}


def echo(body: dict[str, Any]) -> str:
    """The last message, as the answer."""
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else json.dumps(content)


@dataclass
class Behaviour:
    latency: float = 0.0
    """Seconds before an answer."""
    per_second: float | None = None
    """Requests a second; beyond them (and a burst of `burst`) it answers 429."""
    burst: float = 5.0
    max_in_flight: int | None = None
    """Requests at once; beyond them it answers 429."""
    retry_after: float | None = None
    """Seconds told with a 429."""
    hang_seconds: float = 30.0
    fault: Callable[[int], Fault | None] = lambda number: None
    """The fault of the request of this number, from 0."""
    answer: Callable[[dict[str, Any]], str | dict[str, Any]] = echo
    """The text of the answer, or a whole message (say, with tool calls)."""
    usage: Callable[[dict[str, Any], str], dict[str, Any]] = lambda body, text: {
        "prompt_tokens": len(json.dumps(body["messages"])) // 4,
        "completion_tokens": max(1, len(text) // 4),
        "total_tokens": len(json.dumps(body["messages"])) // 4 + max(1, len(text) // 4),
    }


@dataclass
class OpenAIServer:
    """`with OpenAIServer(Behaviour(...)) as server:` then give `server.url` as `api_base`."""

    behaviour: Behaviour = field(default_factory=Behaviour)

    def __post_init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        """Bodies received, in order."""
        self.authorizations: list[str] = []
        self.statuses: Counter[int] = Counter()
        self.answered_at: list[float] = []
        """Monotonic seconds of the answers with status 200."""
        self.peak_in_flight = 0
        self._in_flight = 0
        self._lock = threading.Lock()
        self._level = self.behaviour.burst
        self._filled_at = time.monotonic()
        self._stopped = threading.Event()
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = _Server(("127.0.0.1", 0), handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def begin(self, body: dict[str, Any], authorization: str) -> Fault | None:
        """Note a request; tells what goes wrong with it."""
        with self._lock:
            number = len(self.requests)
            self.requests.append(body)
            self.authorizations.append(authorization)
            self._in_flight += 1
            self.peak_in_flight = max(self.peak_in_flight, self._in_flight)
            if not self._may_pass():
                return "refuse_limit"
            return self.behaviour.fault(number)

    def end(self, status: int) -> None:
        with self._lock:
            self._in_flight -= 1
            self.statuses[status] += 1
            if status == 200:
                self.answered_at.append(time.monotonic())

    def wait(self, seconds: float) -> None:
        self._stopped.wait(seconds)

    def _may_pass(self) -> bool:
        behaviour = self.behaviour
        if behaviour.max_in_flight is not None and self._in_flight > behaviour.max_in_flight:
            return False
        if behaviour.per_second is None:
            return True
        now = time.monotonic()
        filled = self._level + (now - self._filled_at) * behaviour.per_second
        self._level, self._filled_at = min(behaviour.burst, filled), now
        if self._level < 1:
            return False
        self._level -= 1
        return True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that time out or are killed break their connections: no news here."""


class _Handler(BaseHTTPRequestHandler):
    owner: OpenAIServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        owner, behaviour = self.owner, self.owner.behaviour
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        fault = owner.begin(body, self.headers.get("Authorization", ""))
        status = STATUS.get(fault or "", 200)
        try:
            if fault == "hang":
                owner.wait(behaviour.hang_seconds)
                status = 504
            elif status == 200 and behaviour.latency:
                owner.wait(behaviour.latency)
        finally:
            owner.end(status if fault not in ("malformed", "cut") else 0)
        with suppress(ConnectionError):
            self._reply(status, fault, body)

    def _reply(self, status: int, fault: Fault | None, body: dict[str, Any]) -> None:
        behaviour = self.owner.behaviour
        if status != 200:
            headers = {}
            if status == 429 and behaviour.retry_after is not None:
                headers["Retry-After"] = str(behaviour.retry_after)
            message = f"{fault}; you sent {self.headers.get('Authorization', '')}"
            error = {"error": {"message": message, "type": fault, "code": CODES.get(fault or "", fault)}}
            self._send(status, json.dumps(error).encode(), headers)
        elif fault == "malformed":
            self._send(200, b'{"id": "x", "choices": [{"index": 0, "mess')
        else:
            data = json.dumps(self._completion(body, with_usage=fault != "no_usage")).encode()
            if fault == "cut":
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2])
                self.wfile.flush()
                self.close_connection = True
                self.connection.close()
            else:
                self._send(200, data)

    def _send(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _completion(self, body: dict[str, Any], *, with_usage: bool) -> dict[str, Any]:
        behaviour = self.owner.behaviour
        answer = behaviour.answer(body)
        message = {"role": "assistant", "content": answer} if isinstance(answer, str) else answer
        text = message.get("content") or ""
        finish = "tool_calls" if message.get("tool_calls") else "stop"
        limit = body.get("max_tokens") or body.get("max_completion_tokens")
        if limit is not None and len(text) // 4 > limit:
            text = text[: limit * 4]
            message, finish = {**message, "content": text}, "length"
        data: dict[str, Any] = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        }
        if with_usage:
            data["usage"] = behaviour.usage(body, text)
        return data
