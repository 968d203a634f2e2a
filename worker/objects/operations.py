"""What callers do with the object behind a handle beside calling it: each operation under its name.

They are Python's own, taken when the worker starts. Each takes the object and then the operation's arguments.
"""

import operator


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


def explain(thing):
    """What help(thing) prints."""
    import pydoc
    return pydoc.plain(pydoc.render_doc(thing, "%s"))


OPERATIONS = {
    "repr": repr, "str": str, "dir": dir, "help": explain, "len": len, "bool": bool, "hash": hash,
    "iter": iter, "next": advance, "enter": enter, "exit": leave,
    "setattr": setattr, "delattr": delattr, "hasattr": hasattr,
    **{name: getattr(operator, name) for name in (
        "contains", "getitem", "setitem", "delitem", "eq", "ne", "lt", "le", "gt", "ge",
        "neg", "pos", "abs", "invert", "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul",
        "and_", "or_", "xor", "lshift", "rshift")},
}
