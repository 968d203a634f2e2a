"""A call that stops at each module, so that whoever compares two models sees what goes into each one and what comes out."""

import contextlib
import random
import sys
import threading

import torch

START, END, ANSWER = "start", "end", "answer"
# A step that nobody takes for so long belongs to a caller that has gone.
STEP_SECONDS = 600


class Abandoned(BaseException):
    """Unwinds a call that nobody looks at any more. No foreign `except Exception` may catch it."""


class Trace:
    """An iterator over the steps of one call, which runs in a thread of its own and waits at each step until that was taken.

    A step is (kind, name of the module, number of its call, its class, value): at its START the positional arguments, at its END what it
    returned; then one ANSWER of the whole call. Modules are named as in named_modules(), a module that has two names by the first. What a
    step holds may be changed by the model once the next one is asked for.
    """

    def __init__(self, module, method, arguments, keywords, seed):
        self._module, self._seed, self._grad_enabled = module, seed, torch.is_grad_enabled()
        self._call = getattr(module, method) if method else module
        self._arguments, self._keywords = arguments, keywords
        self._step, self._error = None, None
        self._taken, self._there = threading.Semaphore(0), threading.Semaphore(0)
        self._is_abandoned, self._has_ended, self._shows_starts = False, False, True
        self._thread = threading.Thread(target=self._run, name="hubcell-trace", daemon=True)
        self._thread.start()

    def names(self):
        """Of all modules, run or not, with their classes."""
        return [(name, type(module).__name__) for name, module in self._module.named_modules()]

    def skip_starts(self):
        """From now on only what comes out of modules is shown."""
        self._shows_starts = False

    def __iter__(self):
        return self

    def __next__(self):
        if self._has_ended:
            raise StopIteration
        self._taken.release()
        self._there.acquire()
        step, self._step = self._step, None
        if step is None:
            self._has_ended = True
            if self._error is not None:
                raise self._error
            raise StopIteration
        return step

    def close(self):
        """Ends the call where it stands."""
        self._is_abandoned = True
        self._taken.release()

    def _run(self):
        torch.set_grad_enabled(self._grad_enabled)
        try:
            self._wait()
            with drawing_from(self._seed), Hooks(self._module, self._show):
                answer = self._call(*self._arguments, **self._keywords)
            self._show(ANSWER, "", 0, "", answer)
        except Abandoned:
            pass
        except BaseException as error:  # noqa: B902 - whatever the call raises is its outcome
            self._error = error
        self._step = None
        self._there.release()

    def _show(self, kind, *step):
        if kind == START and not self._shows_starts:
            return
        self._step = (kind, *step)
        self._there.release()
        self._wait()

    def _wait(self):
        if not self._taken.acquire(timeout=STEP_SECONDS) or self._is_abandoned:
            raise Abandoned


@contextlib.contextmanager
def drawing_from(seed):
    """Random numbers come from `seed`, and go on afterwards where they were."""
    numpy = sys.modules.get("numpy")
    python_state, numpy_state = random.getstate(), numpy and numpy.random.get_state()
    with torch.random.fork_rng(devices=[]):
        random.seed(seed)
        torch.manual_seed(seed)
        if numpy:
            numpy.random.seed(seed % 2**32)
        try:
            yield
        finally:
            random.setstate(python_state)
            if numpy:
                numpy.random.set_state(numpy_state)


class Hooks:
    """Has `show` told of each module's calls while it is entered; but for those of TorchScript, which take no hooks."""

    def __init__(self, module, show):
        self._module, self._show, self._counts, self._handles = module, show, {}, []
        self._layers = [layer for layer in module.modules() if isinstance(layer, torch.nn.TransformerEncoderLayer)]

    def __enter__(self):
        for name, module in self._module.named_modules():
            if isinstance(module, torch.jit.ScriptModule):
                continue
            self._handles.append(module.register_forward_pre_hook(self._at_start(name)))
            self._handles.append(module.register_forward_hook(self._at_end(name)))
        # Without a gradient these run as one native operation that calls none of their modules. torch 2 looks for hooks before; all
        # versions look at this.
        self._activations = [layer.activation_relu_or_gelu for layer in self._layers]
        for layer in self._layers:
            layer.activation_relu_or_gelu = 0
        return self

    def __exit__(self, *error):
        for handle in self._handles:
            handle.remove()
        for layer, activation in zip(self._layers, self._activations):
            layer.activation_relu_or_gelu = activation

    def _at_start(self, name):
        def hook(module, arguments):
            self._counts[name] = self._counts.get(name, 0) + 1
            self._show(START, name, self._counts[name], type(module).__name__, arguments)
        return hook

    def _at_end(self, name):
        def hook(module, arguments, output):
            self._show(END, name, self._counts.get(name, 0), type(module).__name__, output)
        return hook


def trace(module, method, arguments, keywords, seed):
    """An operation on a torch.nn.Module: a Trace of a call of it, or of its method, whose random numbers come from `seed`."""
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"a {type(module).__name__} is no torch.nn.Module: it has no modules to look into")
    return Trace(module, method, arguments, keywords, seed)
