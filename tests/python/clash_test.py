"""Repositories that break each other in one process, all alive in one program, in many load orders: each answers as alone.

Run: PYTHONPATH=build/dev/python:tests/support python3 tests/python/clash_test.py      (HUBCELL_TEST_ORDERS: how many orders, 50)
"""

import os
import random
import shutil
import subprocess
import sys
import sysconfig
import unittest

import torch

import hubcell as hub
import support

SEED = 20260101
ORDERS = int(os.environ.get("HUBCELL_TEST_ORDERS", "50"))
# The workers of an order end with it, but for four, which the next order finds warm.
ORDERS_OF_A_HUB = 10
X = torch.linspace(-1, 1, 12).view(3, 4)

# What each entrypoint returns; MODEL is the repository's own package.
ENTRY = """
import torch
{before}
from {package} import number

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed({seed})
        self.fc = torch.nn.Linear(4, 2)
    def forward(self, x):
        {inside}
        return torch.nn.functional.relu(self.fc(x.to(self.fc.weight.dtype))) * number()
def net(): return Net()
"""
NUMBER = "def number(): return {value}\n"


def plain(value, package="models", before="", inside="pass", **more):
    return {"hubconf": ENTRY.format(before=before, package=package, seed=value, inside=inside), package: NUMBER.format(value=value),
            **more}


REPOSITORIES = {
    "models_of_one": plain(1),
    "models_of_another": plain(2),
    "models_as_a_package": {**plain(3, "models.core"), "models/__init__": "", "models/core": NUMBER.format(value=3)},
    "utils": plain(4, "utils", before="import models", models="import utils\n"),
    "circular": {**plain(5, "models"), "models": "import utils\ndef number(): return utils.value\n",
                 "utils": "import models\nvalue = 5\n"},
    "path_edits": plain(6, "deep_number", before="import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), 'src'))",
                        **{"src/deep_number": NUMBER.format(value=6)}),
    "path_edits_again": plain(7, "deep_number",
                              before="import os, sys\nsys.path[:0] = [os.path.join(os.path.dirname(__file__), 'src')]",
                              **{"src/deep_number": NUMBER.format(value=7)}),
    "patched_torch": plain(8, before="torch.nn.functional.relu = torch.tanh"),
    "patched_linear": plain(9, before="torch.nn.Linear.forward = lambda self, x: x[:, :2] - 3"),
    "module_tricks": plain(10, "models", before="import sys, types\nfake = types.ModuleType('models')\n"
                                                "fake.number = lambda: 10\nsys.modules['models'] = fake"),
    "default_dtype": plain(11, before="torch.set_default_dtype(torch.float64)"),
    "threads": plain(12, before="torch.set_num_threads(2)\ntorch.use_deterministic_algorithms(True)"),
    "seeds": plain(13, before="import random\ntorch.manual_seed(99)\nrandom.seed(99)", inside="x = x + torch.rand(()) * 0"),
    "environment": plain(14, before="import os, logging, warnings\nos.environ['SHARED_NAME'] = '14'\n"
                                    "logging.getLogger().setLevel(logging.DEBUG)\nwarnings.simplefilter('error')",
                         inside="x = x + float(__import__('os').environ['SHARED_NAME'])"),
    "environment_again": plain(15, before="import os\nos.environ.setdefault('SHARED_NAME', '15')",
                               inside="x = x + float(__import__('os').environ['SHARED_NAME'])"),
    "import_hook": plain(16, "magic", before="import sys, importlib.util\nclass Finder:\n"
                                             "    @staticmethod\n    def find_spec(name, path=None, target=None):\n"
                                             "        if name == 'models': raise ImportError('not in here')\n"
                                             "sys.meta_path.insert(0, Finder)"),
    "no_gradients": plain(17, before="torch.set_grad_enabled(False)"),
    "builtins": plain(18, before="import builtins\nbuiltins.number_of_all = 18", inside="x = x * number_of_all"),
}

EXTENSION = """
#define Py_LIMITED_API 0x03090000
#include <Python.h>
static PyObject* number(PyObject* self, PyObject* none) { return PyLong_FromLong(VALUE); }
static PyMethodDef methods[] = {{"number", number, METH_NOARGS, 0}, {0, 0, 0, 0}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "native", 0, -1, methods, 0, 0, 0, 0};
PyMODINIT_FUNC PyInit_native(void) { return PyModule_Create(&module); }
"""

# A process for each repository, of which none has seen another: forked before the first load, which spares 20 imports of torch.
ALONE = """
import os, sys, torch
x = torch.load(sys.argv[1])
for path in sys.argv[2:]:
    child = os.fork()
    if child == 0:
        model = torch.hub.load(path, "net", source="local")
        torch.save(model(x).detach(), path + ".pt")
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        sys.exit("load " + path)
"""


class ClashTest(support.RepositoryTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.paths = {name: cls.repository(name, **files) for name, files in REPOSITORIES.items()}
        cls.add_extensions()
        torch.save(X, os.path.join(cls.folder, "x.pt"))
        # By torch.hub, each in a process of its own.
        subprocess.run([sys.executable, "-c", ALONE, os.path.join(cls.folder, "x.pt"), *cls.paths.values()], check=True,
                       cwd=cls.folder, stdout=subprocess.DEVNULL)
        cls.alone = {name: torch.load(path + ".pt") for name, path in cls.paths.items()}

    @classmethod
    def add_extensions(cls):
        """Two builds of an extension module of one name."""
        compiler, include = shutil.which("cc"), "/usr/include/python3.11"
        headers = next((path for path in (sysconfig.get_paths()["include"], include)
                        if os.path.exists(os.path.join(path, "Python.h"))), None)
        cls.has_extensions = compiler is not None and headers is not None
        for value in (21, 22) if cls.has_extensions else ():
            files = plain(value, "native")
            del files["native"]
            path = cls.paths[f"extension_{value}"] = cls.repository(f"extension_{value}", **files)
            source = os.path.join(cls.folder, f"native_{value}.c")
            with open(source, "w", encoding="utf-8") as file:
                file.write(EXTENSION)
            subprocess.run([compiler, "-shared", "-fPIC", f"-DVALUE={value}", f"-I{headers}", source, "-o",
                            os.path.join(path, "native.abi3.so")], check=True)

    def test_all_are_alive_at_once_and_answer_as_alone_in_every_order(self):
        order_of = random.Random(SEED)
        threads = torch.get_num_threads()
        names = sorted(self.paths)
        for begin in range(0, ORDERS, ORDERS_OF_A_HUB):
            with hub.Hub(threads=threads) as session:
                for number in range(begin, min(begin + ORDERS_OF_A_HUB, ORDERS)):
                    order_of.shuffle(names)
                    with self.subTest(number=number, seed=SEED):
                        self.check_order(session, names)
        self.assertEqual(torch.get_default_dtype(), torch.float32)

    def check_order(self, session, names):
        models = {name: session.load(self.paths[name], "net", source="local") for name in names}
        wrong = [name for name in reversed(names) if not torch.equal(models[name](X), self.alone[name])]
        self.assertEqual(wrong, [], f"of {len(names)} loaded in the order {names}")

    def test_torch_hub_gives_wrong_answers_for_some_of_them(self):
        """That they clash indeed: in one process the second runs the first one's code."""
        program = ("import sys, torch\nfirst, second = (torch.hub.load(path, 'net', source='local') for path in sys.argv[1:3])\n"
                   "x = torch.load(sys.argv[3])\nsys.exit(3 if torch.equal(second(x), torch.load(sys.argv[4])) else 0)")
        ended = subprocess.run([sys.executable, "-c", program, self.paths["models_of_one"], self.paths["models_of_another"],
                                os.path.join(self.folder, "x.pt"), self.paths["models_of_another"] + ".pt"], check=False)
        self.assertEqual(ended.returncode, 0)

    def test_extensions_of_one_name_are_among_them(self):
        if not self.has_extensions:
            self.skipTest("no C compiler with Python's headers is here")
        self.assertLessEqual({"extension_21", "extension_22"}, set(self.paths))

    def test_two_versions_of_a_real_model(self):
        github = os.path.join(os.environ.get("HUBCELL_TEST_MODELS", ""), "github")
        if not os.path.isdir(github) or not torch.__version__.startswith("1."):
            self.skipTest("silero-vad is not here, or needs another torch")
        for order in (("v5.1", "v6.0"), ("v6.0", "v5.1")):
            os.environ["HUBCELL_GITHUB_URL"] = "file://" + github
            with hub.Hub() as session:
                models = {ref: session.load(f"snakers4/silero-vad:{ref}", "silero_vad", trust_repo=True)[0] for ref in order}
                together = {ref: models[ref](torch.sin(torch.arange(512.0))[None] / 3, 16000) for ref in sorted(order)}
            for ref in order:
                with hub.Hub() as session:
                    alone = session.load(f"snakers4/silero-vad:{ref}", "silero_vad", trust_repo=True)[0]
                    answer = alone(torch.sin(torch.arange(512.0))[None] / 3, 16000)
                self.assertTrue(torch.equal(answer, together[ref]), ref)
            self.assertFalse(torch.equal(together["v5.1"], together["v6.0"]))


if __name__ == "__main__":
    unittest.main()
