"""hubconf.py as torch.hub treats it: what works there works here, with the same messages.

Each step follows torch/hub.py (1.13 to 2.x): the name under which hubconf.py is imported, what sys.path holds while it
is imported and while the entrypoint runs, which names are entrypoints, and how missing dependencies are told.
"""

import contextlib
import importlib.machinery
import importlib.util
import inspect
import os
import random
import sys

import torch

HUBCONF = "hubconf.py"


class Hub:
    """The hubconf.py of one checkout. It is imported anew for every load, as torch.hub does; its packages are not."""

    loader = importlib.machinery.SourceFileLoader  # of a hubconf.py; of the checkout's files, where they are compiled already

    def __init__(self, checkout, seed, loader=None):
        self._checkout = checkout
        self._seed = seed
        Hub.loader = loader or importlib.machinery.SourceFileLoader
        seed_random_states(int.from_bytes(os.urandom(8), "little") if seed is None else seed)

    def list(self):
        """Names of the entrypoints: callables of hubconf.py that do not start with an underscore."""
        return list_entrypoints(self._checkout)

    def help(self, name):
        """The docstring of hubconf.py (''), or signature and docstring of 'entry' or 'entry.method'.

        The methods of an entrypoint are those of what it returns: it is called, without arguments.
        """
        with on_sys_path(self._checkout):
            hubconf = import_hubconf(self._checkout)
            if not name:
                return inspect.getdoc(hubconf) or ""
            entry, *methods = name.split(".")
            described = find_entrypoint(hubconf, entry)
            if methods and not hasattr(described, methods[0]):
                described = described()
            for method in methods:
                described = getattr(described, method)
        return describe(name, described)

    def docstring(self, name):
        """The docstring of an entrypoint as it stands there, or None: what torch.hub.help gives."""
        return docstring_of(self._checkout, name)

    def dependencies(self):
        """The packages that hubconf.py names."""
        with on_sys_path(self._checkout):
            return [str(name) for name in getattr(import_hubconf(self._checkout), "dependencies", None) or ()]

    def load(self, entry, arguments, keywords):
        """What the entrypoint returns."""
        if self._seed is not None:
            seed_random_states(self._seed)
        with on_sys_path(self._checkout):
            hubconf = import_hubconf(self._checkout)
            function = find_entrypoint(hubconf, entry)
            if self._seed is not None:
                seed_random_states(self._seed)
            return function(*arguments, **keywords)


def list_entrypoints(checkout):
    with on_sys_path(checkout):
        hubconf = import_hubconf(checkout)
        return [name for name in dir(hubconf) if callable(getattr(hubconf, name)) and not name.startswith("_")]


def docstring_of(checkout, name):
    with on_sys_path(checkout):
        return find_entrypoint(import_hubconf(checkout), name).__doc__


def load_nested(checkout, entry, arguments, keywords):
    """A load inside of a load: in the same process, with the random states as they are."""
    with on_sys_path(checkout):
        return find_entrypoint(import_hubconf(checkout), entry)(*arguments, **keywords)


@contextlib.contextmanager
def on_sys_path(checkout):
    sys.path.insert(0, checkout)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(checkout)


def import_hubconf(checkout):
    path = os.path.join(checkout, HUBCONF)
    spec = importlib.util.spec_from_file_location(HUBCONF, path, loader=Hub.loader(HUBCONF, path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def seed_random_states(seed):
    """Seeds Python, torch and, where it is there, numpy (which takes 32 bits)."""
    random.seed(seed)
    torch.manual_seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)


def find_entrypoint(hubconf, name):
    check_dependencies(hubconf)
    function = getattr(hubconf, name) if name in dir(hubconf) else None
    if function is None or not callable(function):
        raise RuntimeError(f"Cannot find callable {name} in hubconf")
    return function


def check_dependencies(hubconf):
    dependencies = getattr(hubconf, "dependencies", None)
    missing = [name for name in dependencies or () if importlib.util.find_spec(name) is None]
    if missing:
        raise RuntimeError(f"Missing dependencies: {', '.join(missing)}")


def describe(name, described):
    """'name(signature)' and the docstring; a callable without a signature (built in C) has its name alone."""
    try:
        signature = str(inspect.signature(described))
    except (TypeError, ValueError):
        signature = ""
    docstring = inspect.getdoc(described)
    return f"{name}{signature}" + (f"\n\n{docstring}" if docstring else "")
