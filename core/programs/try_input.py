"""Runs a program on one input and tells what happened inside: each LM call with prompt and completion."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dspy
from dspy.utils.callback import BaseCallback

from ..errors import StopRun
from ..jsonable import to_json
from .frames import describe_exception, find_user_frame, format_user_traceback
from .traces import CallTrace, Message, StepTrace, TryResult

if TYPE_CHECKING:
    from collections.abc import Sequence


def try_input(program: dspy.Module, inputs: Mapping[str, Any], root: Path) -> TryResult:
    """Run the program once, with the LM of the current context; what it raises is told in the result.

    Only `StopRun` passes.
    """
    recorder = Recorder(program)
    started = time.perf_counter()
    outputs: dict[str, Any] | None = None
    error: BaseException | None = None
    with dspy.context(callbacks=[*dspy.settings.callbacks, recorder]):
        try:
            outputs = _fields(program(**inputs))
        except StopRun:
            raise
        except (Exception, SystemExit) as problem:  # noqa: BLE001  # told in the result
            error = problem
    frame = find_user_frame(error, root) if error else None
    return TryResult(
        outputs=outputs,
        steps=tuple(recorder.steps),
        calls=tuple(recorder.calls),
        seconds=time.perf_counter() - started,
        error=describe_exception(error) if error else None,
        where=str(frame) if frame else None,
        traceback=format_user_traceback(error, root) if error else None,
    )


class Recorder(BaseCallback):  # type: ignore[misc]  # dspy is untyped for mypy
    """Sees predictors and LM calls through dspy's public callbacks."""

    def __init__(self, program: dspy.Module) -> None:
        self.steps: list[StepTrace] = []
        self.calls: list[CallTrace] = []
        self._names = {id(predictor): name for name, predictor in program.named_predictors()}
        self._lock = threading.Lock()
        self._here = threading.local()
        self._open: dict[str, tuple[float, Any, dict[str, Any]]] = {}
        self._calls_of: dict[str, list[int]] = {}

    def on_module_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        if isinstance(instance, dspy.Predict):
            with self._lock:
                self._open[call_id] = (time.perf_counter(), instance, inputs.get("kwargs", inputs))
                self._calls_of[call_id] = []
            self._stack().append(call_id)

    def on_module_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        with self._lock:
            found = self._open.pop(call_id, None)
            if found is None:
                return
            started, instance, inputs = found
            step = StepTrace(
                predictor=self._names.get(id(instance), "(made while running)"),
                inputs={name: to_json(value) for name, value in inputs.items()},
                outputs=_fields(outputs) if outputs is not None else None,
                calls=tuple(self._calls_of.pop(call_id)),
                seconds=time.perf_counter() - started,
                error=describe_exception(exception) if exception else None,
            )
            self.steps.append(step)
        stack = self._stack()
        if call_id in stack:
            stack.remove(call_id)

    def on_lm_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        stack = self._stack()
        with self._lock:
            self._open[call_id] = (
                time.perf_counter(),
                instance,
                {**inputs, "step": stack[-1] if stack else None},
            )

    def on_lm_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        with self._lock:
            started, instance, inputs = self._open.pop(call_id)
            step = inputs["step"]
            predictor = self._open[step][1] if step in self._open else None
            input_tokens, output_tokens = read_usage(instance) if exception is None else (None, None)
            if step in self._calls_of:
                self._calls_of[step].append(len(self.calls))
            self.calls.append(
                CallTrace(
                    predictor=self._names.get(id(predictor)),
                    model=str(getattr(instance, "model", type(instance).__name__)),
                    messages=read_messages(inputs),
                    completion=read_completion(outputs),
                    input_tokens=input_tokens,
                    output_tokens=output_tokens,
                    seconds=time.perf_counter() - started,
                    error=describe_exception(exception) if exception else None,
                )
            )

    def _stack(self) -> list[str]:
        if not hasattr(self._here, "stack"):
            self._here.stack = []
        return self._here.stack  # type: ignore[no-any-return]


def read_messages(inputs: Mapping[str, Any]) -> tuple[Message, ...]:
    """The prompt that an LM callback was shown, as text; what is no text is named in brackets."""
    request = inputs.get("request")
    messages: Sequence[Any] = inputs.get("messages") or getattr(request, "messages", None) or ()
    found = []
    for message in messages:
        get = (
            message.get if isinstance(message, Mapping) else lambda name, it=message: getattr(it, name, None)
        )
        content = get("content") if get("content") is not None else get("parts")
        found.append(Message(str(get("role")), _text_of(content)))
    if not found and inputs.get("prompt"):
        found.append(Message("user", str(inputs["prompt"])))
    return tuple(found)


def read_completion(outputs: Any) -> str:
    """The first completion's text."""
    if isinstance(outputs, (list, tuple)):
        outputs = outputs[0] if outputs else ""
    if isinstance(outputs, Mapping):
        outputs = outputs.get("text", outputs)
    return "" if outputs is None else str(getattr(outputs, "text", outputs))


def read_usage(lm: Any) -> tuple[int | None, int | None]:
    """Input and output tokens of the LM's last call, as its history has them."""
    history = getattr(lm, "history", None)
    usage = history[-1].get("usage") if history else None
    if not isinstance(usage, Mapping):
        return None, None
    return usage.get("prompt_tokens"), usage.get("completion_tokens")


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, (list, tuple)):
        return "" if content is None else str(content)
    parts = []
    for part in content:
        text = part.get("text") if isinstance(part, Mapping) else getattr(part, "text", None)
        kind = part.get("type") if isinstance(part, Mapping) else getattr(part, "type", type(part).__name__)
        parts.append(str(text) if text is not None else f"[{kind}]")
    return "\n".join(parts)


def _fields(prediction: Any) -> dict[str, Any]:
    if hasattr(prediction, "toDict"):
        return {name: to_json(prediction[name]) for name in prediction}
    if isinstance(prediction, Mapping):
        return {str(name): to_json(value) for name, value in prediction.items()}
    return {"(not a dspy.Prediction)": to_json(prediction)}
