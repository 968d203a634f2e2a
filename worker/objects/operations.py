"""What callers do with the object behind a handle beside calling it: each operation under its name.

They are Python's own, taken when the worker starts. Each takes the object and then the operation's arguments.
"""

import operator

import torch


def enter(manager):
    """What `with manager as it` gives to `it`."""
    return type(manager).__enter__(manager)


def leave(manager, message=None):
    """The end of a `with`; with a message, as if a RuntimeError had been raised in it. Whether it was swallowed."""
    error = None if message is None else RuntimeError(message)
    return bool(type(manager).__exit__(manager, type(error) if error else None, error, None))


def advance(iterator):
    """(the next item,), or () at the end."""
    end = object()
    item = next(iterator, end)
    return () if item is end else (item,)


def collect(thing, method, *arguments):
    """What a method iterates over, as a list."""
    return list(getattr(thing, method)(*arguments))


def change(thing, name, keys, method, arguments, keywords):
    """A method that changes the container which `keys` lead to from an attribute."""
    container = getattr(thing, name)
    for key in keys:
        container = container[key]
    getattr(container, method)(*arguments, **keywords)


def require_gradient(module, name, wanted):
    """Of a parameter, by its dotted name."""
    module.get_parameter(name).requires_grad_(wanted)


def gradient(module, name):
    """Of a parameter, by its dotted name."""
    return module.get_parameter(name).grad


def set_gradient(module, name, gradient):
    """Of a parameter, by its dotted name; None clears it."""
    module.get_parameter(name).grad = gradient


class Graph:
    """The history of an answer, between the inputs that want gradients and the tensors that depend on them."""

    def __init__(self, inputs, outputs):
        self._inputs, self._outputs = inputs, outputs

    def backward(self, gradients):
        """Those of the inputs, for those of the outputs (None where there is none). Parameters get theirs, too."""
        pairs = [(output, gradient) for output, gradient in zip(self._outputs, gradients) if gradient is not None]
        for tensor in self._inputs:
            tensor.grad = None
        if pairs:
            torch.autograd.backward(*zip(*pairs), retain_graph=True)
        return [tensor.grad for tensor in self._inputs]


class Entry(torch.autograd.Function):
    """Gives a tensor, as it lies, the history that it comes from a leaf of the same memory: models change it in place."""

    @staticmethod
    def forward(ctx, leaf, tensor):
        ctx.mark_dirty(tensor)
        return tensor

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


def leaf_of(tensor, is_leaf):
    """What collects the gradient of an argument. The caller's leaves stay leaves here, which nobody may change in place."""
    if is_leaf or tensor._is_view():
        return tensor.requires_grad_()
    leaf = tensor.detach().requires_grad_()
    Entry.apply(leaf, tensor)
    return leaf


def record(thing, method, arguments, keywords, inputs, are_leaves):
    """A call with a history: (its answer, its Graph, whether each tensor of the answer has a history)."""
    inputs = [leaf_of(tensor, is_leaf) for tensor, is_leaf in zip(inputs, are_leaves)]
    answer = (getattr(thing, method) if method else thing)(*arguments, **keywords)
    tensors = tensors_in(answer)
    return answer, Graph(inputs, [tensor for tensor in tensors if tensor.requires_grad]), [t.requires_grad for t in tensors]


def tensors_in(value):
    """In lists, tuples and dicts, in order; the caller walks through the answer in the same one."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [tensor for item in value for tensor in tensors_in(item)]
    return []


def explain(thing):
    """What help(thing) prints."""
    import pydoc
    return pydoc.plain(pydoc.render_doc(thing, "%s"))


OPERATIONS = {
    "repr": repr, "str": str, "dir": dir, "help": explain, "len": len, "bool": bool, "hash": hash,
    "iter": iter, "next": advance, "enter": enter, "exit": leave,
    "change": change, "collect": collect, "gradient": gradient, "record": record, "require_gradient": require_gradient,
    "set_gradient": set_gradient, "setattr": setattr, "delattr": delattr, "hasattr": hasattr,
    **{name: getattr(operator, name) for name in (
        "contains", "getitem", "setitem", "delitem", "eq", "ne", "lt", "le", "gt", "ge",
        "neg", "pos", "abs", "invert", "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul",
        "and_", "or_", "xor", "lshift", "rshift")},
}
