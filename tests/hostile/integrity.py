"""What a model changes for the others: each attempt, and what another model, loaded after it, sees of that.

The control is torch.hub's way: both in one process.
"""

import builtins
import ctypes
import importlib
import json
import mmap
import os
import platform
import sys
import types

import torch

from attempt import ATTEMPTS, Refused, libc, must

SEES = {}


def sees(attempted):
    def register(function):
        ATTEMPTS[attempted.__name__] = attempted
        SEES[attempted.__name__] = function
        return function
    return register


def is_seen(name):
    """In the other model."""
    return bool(SEES[name]())


def replaces_a_function_of_torch(t):
    torch.relu = lambda tensor: tensor * 0 + 7


@sees(replaces_a_function_of_torch)
def _():
    return torch.relu(torch.tensor(1.0)).item() == 7


def replaces_a_method_of_a_layer(t):
    torch.nn.Linear.forward = lambda layer, tensor: tensor * 0 + 7


@sees(replaces_a_method_of_a_layer)
def _():
    return torch.nn.Linear(1, 1)(torch.zeros(1)).item() == 7


def changes_the_default_dtype(t):
    torch.set_default_dtype(torch.float64)


@sees(changes_the_default_dtype)
def _():
    return torch.get_default_dtype() == torch.float64


def chooses_the_random_numbers(t):
    torch.manual_seed(7)

@sees(chooses_the_random_numbers)
def _():
    drawn = torch.rand(1).item()
    torch.manual_seed(7)
    return drawn == torch.rand(1).item()


def uses_other_threads(t):
    torch.set_num_threads(torch.get_num_threads() + 3)
    os.environ["HOSTILE_THREADS"] = str(torch.get_num_threads())


@sees(uses_other_threads)
def _():
    return os.environ.get("HOSTILE_THREADS") == str(torch.get_num_threads())


def replaces_a_builtin(t):
    real = builtins.sorted
    builtins.sorted = lambda values, **options: [*real(values, **options), "hostile"]


@sees(replaces_a_builtin)
def _():
    return "hostile" in sorted(["b", "a"])


def replaces_a_module(t):
    fake = types.ModuleType("json")
    fake.loads = lambda text: "hostile"
    fake.dumps = json.dumps
    sys.modules["json"] = fake


@sees(replaces_a_module)
def _():
    return importlib.import_module("json").loads("1") == "hostile"


def takes_the_name_of_the_others_module(t):
    sys.modules["models"] = types.ModuleType("models")
    sys.modules["models"].WHOSE = "hostile"


@sees(takes_the_name_of_the_others_module)
def _():
    return importlib.import_module("models").WHOSE == "hostile"


def puts_its_folder_first(t):
    with open("colorsys.py", "w", encoding="utf-8") as file:
        file.write("WHOSE = 'hostile'\n")
    sys.path.insert(0, os.getcwd())


@sees(puts_its_folder_first)
def _():
    return getattr(importlib.import_module("colorsys"), "WHOSE", None) == "hostile"


def finds_modules_for_others(t):
    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name == "optional_of_the_other":
                return importlib.machinery.ModuleSpec(name, Finder)
            return None

        @staticmethod
        def create_module(spec):
            return None

        @staticmethod
        def exec_module(module):
            module.WHOSE = "hostile"

    sys.meta_path.insert(0, Finder)


@sees(finds_modules_for_others)
def _():
    try:
        return importlib.import_module("optional_of_the_other").WHOSE == "hostile"
    except ImportError:
        return False


def sets_a_variable(t):
    os.environ["TORCH_HOSTILE"] = "1"


@sees(sets_a_variable)
def _():
    return "TORCH_HOSTILE" in os.environ


def leaves_the_folder(t):
    os.chdir("/")


@sees(leaves_the_folder)
def _():
    return os.getcwd() == "/"


def leaves_bytecode_for_the_other(t):
    cache = importlib.util.cache_from_source(os.path.join(t["other"], "helper.py"))
    os.makedirs(os.path.dirname(cache), exist_ok=True)
    code = compile("WHOSE = 'hostile'", "helper.py", "exec")
    with open(cache, "wb") as file:
        # Unchecked: Python runs it without a look at the source.
        file.write(importlib._bootstrap_external._code_to_hash_pyc(code, b"\0" * 8, False))


@sees(leaves_bytecode_for_the_other)
def _():
    sys.path.insert(0, os.environ.get("OTHER", os.path.dirname(os.path.abspath(__file__))))
    return importlib.import_module("helper").WHOSE == "hostile"


def rewrites_the_c_library(t):
    # labs: xor eax, eax; ret.
    if platform.machine() != "x86_64":
        raise Refused("written for x86-64")
    at = ctypes.cast(libc.labs, ctypes.c_void_p).value
    page = at & ~(mmap.PAGESIZE - 1)
    must(libc.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(2 * mmap.PAGESIZE), 7) == 0)
    ctypes.memmove(at, b"\x31\xc0\xc3", 3)


@sees(rewrites_the_c_library)
def _():
    return libc.labs(ctypes.c_long(-5)) != 5


def closes_what_is_printed_to(t):
    sys.stdout = open(os.devnull, "w", encoding="utf-8")
    sys.stdout.hostile = True


@sees(closes_what_is_printed_to)
def _():
    return hasattr(sys.stdout, "hostile")
