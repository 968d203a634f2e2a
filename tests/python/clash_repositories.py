"""Small repositories that work alone, and that break each other in one process.

Each is {path: text} with an entrypoint `model` whose answer to a float tensor of shape (2, 6) shows whose code ran. The
comment beside its name says what it does to its process.
"""

NET = """import torch
from torch import nn
class Net(nn.Module):
    def __init__(self, width={width}):
        super().__init__()
        self.a, self.b = nn.Linear(6, width), nn.Linear(width, 3)
    def forward(self, x):
        return self.b(nn.functional.relu(self.a(x))) {end}
"""
HUBCONF = "dependencies = ['torch']\nfrom {package} import Net\ndef model(): return Net()\n"


def net(width=8, end=""):
    return NET.format(width=width, end=end)


def hubconf(package, before=""):
    return before + HUBCONF.format(package=package)


def in_front(folder):
    """A hubconf's lines that put a folder of the checkout in front of sys.path."""
    return f"import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '{folder}'))\n"


REPOSITORIES = {
    "package_models": {  # packages `models` and `utils`, imported absolutely
        "hubconf.py": hubconf("models.net"),
        "models/__init__.py": "", "utils/__init__.py": "from .scale import SCALE", "utils/scale.py": "SCALE = 2.0",
        "models/net.py": "from utils import SCALE\n" + net(end="* SCALE"),
    },
    "module_models": {  # the same names as single modules, with other content
        "hubconf.py": hubconf("models"),
        "utils.py": "SCALE = -3.0\ndef shift(x): return x + 1",
        "models.py": "from utils import SCALE, shift\n" + net(5, "* SCALE + shift(x)[:, :3]"),
    },
    "circular": {  # models and utils import each other, one of them late
        "hubconf.py": hubconf("models"),
        "models/__init__.py": "import utils\n" + net(4, "+ utils.offset()"),
        "utils/__init__.py": "import models\ndef offset(): return len(models.Net.__name__) + OFFSET\nOFFSET = 0.25",
    },
    "namespace": {  # `models` without __init__.py: a namespace package, which joins all folders of that name
        "hubconf.py": hubconf("models.parts.net"),
        "models/parts/net.py": "from utils.consts import K\n" + net(3, "/ K"), "utils/consts.py": "K = 7.0",
    },
    "path_edit": {  # puts a folder in front of sys.path, imports later, and takes entries of others away
        "hubconf.py": in_front("src") +
                      "sys.path[:] = [p for p in sys.path if 'models' not in p]\n" + hubconf("detector"),
        "src/detector.py": net(7, "+ self.late()") +
                           "    def late(self):\n        import helpers\n        return helpers.BIAS\n",
        "src/helpers.py": "BIAS = 11.0",
    },
    "path_edit_twin": {  # another `detector` and `helpers`, imported as late
        "hubconf.py": in_front("lib") + hubconf("detector"),
        "lib/detector.py": net(9, "- self.late()") +
                           "    def late(self):\n        from helpers import BIAS\n        return BIAS\n",
        "lib/helpers.py": "BIAS = -2.5",
    },
    "vendored_old": {  # a dependency in its folder, of version 0.9
        "hubconf.py": in_front("third_party") + hubconf("models"),
        "third_party/tinyops/__init__.py": "__version__ = '0.9'\ndef norm(x): return x / (x.abs().sum() + 1)",
        "models.py": "import tinyops\nassert tinyops.__version__ < '1'\n" + net(6, "+ tinyops.norm(x)[:, :3]"),
    },
    "vendored_new": {  # and of version 2.0, without the function's old meaning
        "hubconf.py": in_front("vendor") + hubconf("models"),
        "vendor/tinyops/__init__.py": "from .core import *\n__version__ = '2.0'",
        "vendor/tinyops/core.py": "def norm(x, p=2): return x / (x.norm(p) + 1)",
        "models.py": "import tinyops\nassert tinyops.__version__ >= '2'\n" + net(6, "+ tinyops.norm(x, p=2)[:, :3]"),
    },
    "patched_relu": {  # replaces functions of torch for everybody
        "hubconf.py": "import torch\n_relu = torch.nn.functional.relu\n"
                      "if not hasattr(_relu, 'leaks'):\n"
                      "    def relu(x, inplace=False): return _relu(x) + 0.125 * x\n"
                      "    relu.leaks = True\n    torch.nn.functional.relu = relu\n"
                      "    torch.Tensor.mean = lambda x, *a: x.sum(*a)\n"
                      + hubconf("net"),
        "net.py": net(8, "+ x.mean()"),
    },
    "patched_linear": {  # replaces torch.nn.Linear by a class of its own
        "hubconf.py": "import torch\n"
                      "class Linear(torch.nn.Linear):\n"
                      "    def forward(self, x): return super().forward(x) * 0.5\n"
                      "torch.nn.Linear = Linear\n" + hubconf("net"),
        "net.py": net(8),
    },
    "sys_modules": {  # a stub for a module that exists, and a module that replaces itself by an object
        "hubconf.py": "import sys, types\nstub = types.ModuleType('json')\n"
                      "stub.loads = lambda text: 42.0\nsys.modules['json'] = stub\n"
                      "for name in list(sys.modules):\n"
                      "    if name.split('.')[0] in ('models', 'utils'): del sys.modules[name]\n"
                      + hubconf("models"),
        "models.py": "import json, settings\n" + net(8, "+ json.loads('1') * settings.anything"),
        "settings.py": "import sys\nclass Settings:\n"
                      "    def __getattr__(self, name): return 3.0 if name == 'anything' else None\n"
                       "sys.modules[__name__] = Settings()",
    },
    "json_user": {  # one that trusts the module that exists
        "hubconf.py": hubconf("models"),
        "models.py": "import json\n" + net(8, "* json.loads('[0.75]')[0]"),
    },
    "double": {  # default dtype
        "hubconf.py": "import torch\ntorch.set_default_dtype(torch.float64)\n" + hubconf("models"),
        "models.py": net(8).replace("forward(self, x):",
                                    "forward(self, x):\n        x = x.to(torch.get_default_dtype()) + torch.ones(6)"),
    },
    "deterministic": {  # other global settings of torch
        "hubconf.py": "import torch\ntorch.use_deterministic_algorithms(True)\ntorch.set_num_threads(1)\n"
                      "torch.set_flush_denormal(True)\ntorch.set_printoptions(precision=1)\n" + hubconf("models"),
        "models.py": net(8, "+ torch.get_num_threads() + x.mul(1e-40).sum() + self.flag()") +
                     "    def flag(self): return torch.are_deterministic_algorithms_enabled() * 2\n",
    },
    "no_grad": {  # turns gradients off for good
        "hubconf.py": "import torch\ntorch.set_grad_enabled(False)\n" + hubconf("models"),
        "models.py": net(8, "+ float(self.a.weight.mul(2).requires_grad)"),
    },
    "seeded": {  # seeds at import, and draws at import and in its answers
        "hubconf.py": "import torch, random\ntorch.manual_seed(7)\nrandom.seed(7)\n" + hubconf("models"),
        "models.py": "import random\nDRAWN = random.random()\n" + net(8, "+ torch.rand(3) * DRAWN"),
    },
    "environment": {  # environment variables, warnings, logging, atexit, recursion
        "hubconf.py": "import atexit, logging, os, sys, warnings\nos.environ['CLASH_SCALE'] = '5'\n"
                      "warnings.simplefilter('error')\n"
                      "logging.disable(logging.CRITICAL)\nsys.setrecursionlimit(333)\n"
                      "atexit.register(lambda: os.environ.pop('CLASH_SCALE'))\n" + hubconf("models"),
        "models.py": "import os\n" + net(8, "* float(os.environ['CLASH_SCALE'])"),
    },
    "environment_twin": {  # reads what the other one wrote
        "hubconf.py": "import os\nos.environ.setdefault('CLASH_SCALE', '9')\n" + hubconf("models"),
        "models.py": "import os, sys, warnings\n" + net(8, "* self.scale()") +
                     "    def scale(self):\n        with warnings.catch_warnings(record=True) as seen:\n"
                     "            warnings.warn('an old thing')\n"
                     "        return float(os.environ['CLASH_SCALE']) + (sys.getrecursionlimit() > 900) + len(seen)\n",
    },
    "import_hook": {  # a finder that makes up `models`, and a replaced __import__
        "hubconf.py": "import builtins, importlib.abc, importlib.util, os, sys\n"
                      "_here = os.path.dirname(os.path.abspath(__file__))\n"
                      "class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):\n"
                      "    def find_spec(self, name, path=None, target=None):\n"
                      "        mine = name in ('models', 'utils', 'helpers')\n"
                      "        return importlib.util.spec_from_loader(name, self) if mine else None\n"
                      "    def exec_module(self, module):\n"
                      "        with open(os.path.join(_here, 'source.txt')) as file:\n"
                      "            exec(file.read(), module.__dict__)\n"
                      "sys.meta_path.insert(0, Finder())\n_import = builtins.__import__\n"
                      "def import_(name, *rest, **more):\n"
                      "    return _import({'clash_math': 'math'}.get(name, name), *rest, **more)\n"
                      "builtins.__import__ = import_\n"
                      + hubconf("models"),
        "source.txt": "import clash_math\n" + net(8, "+ clash_math.pi"),
    },
    "metaclass": {  # classes kept by name in torch itself, by a metaclass, and nn.Module.__call__ replaced
        "hubconf.py": "import torch\n_call = torch.nn.Module.__call__\n"
                      "torch.nn.Module.__call__ = lambda self, *a, **k: _call(self, *a, **k) * 2\n" + hubconf("models"),
        "registry.py": "import torch\nkept = torch.nn.__dict__.setdefault('registry', {})\n"
                       "class Meta(type):\n"
                       "    def __new__(meta, name, bases, space):\n"
                       "        return kept.setdefault(name, super().__new__(meta, name, bases, space))\n",
        "models.py": "from registry import Meta\n" + net(8).replace("(nn.Module)", "(nn.Module, metaclass=Meta)"),
    },
    "metaclass_twin": {  # the same registry with another class of the same name
        "hubconf.py": "import torch\nregistry = torch.nn.__dict__.setdefault('registry', {})\n" + hubconf("models"),
        "models.py": "import torch\n" + net(8, "- 1") + "torch.nn.registry.setdefault('Net', Net)\n"
                      "Net = torch.nn.registry['Net']\n",
    },
}

# One repository with two branches whose packages have the same names.
BRANCHES = {
    "main": {
        "hubconf.py": hubconf("models"), "utils.py": "SLOPE = 1.5",
        "models/__init__.py": "from utils import SLOPE\n" + net(8, "* SLOPE"),
    },
    "legacy": {
        "hubconf.py": hubconf("models.old"), "models/__init__.py": "", "utils/__init__.py": "def slope(): return 0.5",
        "models/old.py": "from utils import slope\n" + net(8, "* slope()"),
    },
}

# A C extension of one name whose versions differ in what they return.
NATIVE = """
#define PY_SSIZE_T_CLEAN
#include <Python.h>
static PyObject* version(PyObject* self, PyObject* none) { (void)self; (void)none; return PyFloat_FromDouble(VERSION); }
static PyMethodDef methods[] = {{"version", version, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "fastops", "", -1, methods, NULL, NULL, NULL, NULL};
PyMODINIT_FUNC PyInit_fastops(void) { return PyModule_Create(&module); }
"""
NATIVE_REPOSITORY = {"hubconf.py": hubconf("models"), "models.py": "import fastops\n" + net(8, "* fastops.version()")}
