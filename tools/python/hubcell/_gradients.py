"""Gradients through a worker: a call whose inputs require them is a node of the caller's autograd graph, and its backward
runs in the worker, where the graph of the model stays. What parameters get of it stays there too."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

import torch

from ._errors import Error


def inputs_of(arguments: Tuple[Any, ...], keywords: Dict[str, Any]) -> List[torch.Tensor]:
    """The tensors in a call's arguments that require gradients, each once."""
    found: Dict[int, torch.Tensor] = {}
    for tensor in tensors_in((arguments, keywords)):
        if tensor.requires_grad:
            found.setdefault(id(tensor), tensor)
    return list(found.values())


def tensors_in(value: Any) -> List[torch.Tensor]:
    """In lists, tuples and dicts, in order; worker/objects/operations.py walks in the same one."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [tensor for item in value for tensor in tensors_in(item)]
    return []


class RecordedCall:
    """A call that the worker records. Once it has begun it has the methods of a `_hubcell.Call`."""

    def __init__(self, remote: Any, method: str, arguments: Tuple[Any, ...], keywords: Dict[str, Any],
                 inputs: List[torch.Tensor], options: Any):
        self._words = (method, arguments, keywords, inputs, [tensor.is_leaf for tensor in inputs])
        self._remote, self._inputs, self._options = remote, inputs, options
        self._begun: Any = None
        self.answer: Any = None

    def begin(self) -> "RecordedCall":
        """Starts it, so that `result` only waits."""
        self._begun = self._remote.begin_operation("record", self._words, None, self._options)
        return self

    def running(self) -> bool:
        return bool(self._begun.running())

    def cancel(self) -> bool:
        return bool(self._begun.cancel())

    def result(self) -> Any:
        """The answer, its tensors connected to the inputs."""
        outputs = _Node.apply(self, *self._inputs)  # type: ignore[no-untyped-call, unused-ignore]
        return _replaced(self.answer, iter(outputs))

    def run(self) -> Tuple[Any, Sequence[bool]]:
        """Waits for the answer; the graph's handle, and which tensors of the answer have a history."""
        if self._begun is not None:
            self.answer, graph, wants = self._begun.result()
        else:
            self.answer, graph, wants = self._remote.operate("record", self._words, None, self._options)
        return object.__getattribute__(graph, "_hubcell_remote"), wants


class _Node(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, call: RecordedCall, *inputs: torch.Tensor) -> Tuple[torch.Tensor, ...]:
        ctx.graph, ctx.wants = call.run()
        outputs = tuple(tensors_in(call.answer))
        ctx.mark_non_differentiable(*(tensor for tensor, wanted in zip(outputs, ctx.wants) if not wanted))
        ctx.set_materialize_grads(False)
        # Nothing of it is needed, but what was freed by a backward says so at the next.
        ctx.save_for_backward(torch.empty(0))
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Optional[torch.Tensor]) -> Tuple[Optional[torch.Tensor], ...]:
        if torch.is_grad_enabled():
            raise Error("differentiate a model in a worker twice (create_graph=True): its graph stays in the worker, and "
                        "gradients of gradients cannot be had; leave create_graph out")
        _ = ctx.saved_tensors
        wanted = [gradient for gradient, is_wanted in zip(gradients, ctx.wants) if is_wanted]
        return (None, *ctx.graph.call("backward", (wanted,), None, (True, None, 0.0)))


def _replaced(value: Any, outputs: Any) -> Any:
    """The same structure with the tensors that autograd knows."""
    if isinstance(value, torch.Tensor):
        return next(outputs)
    if isinstance(value, dict):
        return type(value)((key, _replaced(item, outputs)) for key, item in value.items())
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_replaced(item, outputs) for item in value))
    if isinstance(value, (list, tuple)):
        return type(value)([_replaced(item, outputs) for item in value])
    return value
