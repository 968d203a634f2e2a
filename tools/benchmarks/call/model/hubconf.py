"""The model that every participant of `tools/bench call` calls."""
dependencies = ["torch"]

import itertools

import torch

WARM_CALLS = 100
COUNTED_CALLS = 1000


class Double(torch.nn.Module):
    """As little work as a model can do that answers with a new tensor."""

    def forward(self, x):
        return x * 2


class Counted(torch.nn.Module):
    """The same, and has callgrind, under which its process runs, count COUNTED_CALLS calls (without_sandbox.cc)."""

    def __init__(self):
        super().__init__()
        import ctypes

        callgrind = ctypes.CDLL(None)
        self._call_numbers = itertools.count(1)
        self._edges = {WARM_CALLS: callgrind.hubcell_benchmarks_start_counting,
                       WARM_CALLS + COUNTED_CALLS: callgrind.hubcell_benchmarks_stop_counting}

    def forward(self, x):
        number = next(self._call_numbers)
        if number in self._edges:
            self._edges[number]()
        return x * 2


def double():
    """Answers with twice its input."""
    return Double()


def counted():
    """The same, in a worker whose instructions are counted."""
    return Counted()
