"""hub.py beside torch.hub on the same repositories, and inputs.py. Run: python3 hub_python_test.py"""

import importlib.util
import io
import os
import random
import sys
import tempfile
import unittest
import wave

import torch

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def load_file(name):
    spec = importlib.util.spec_from_file_location(name, os.path.join(ROOT, "worker", "hub", name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hub, inputs = load_file("hub"), load_file("inputs")

HUBCONF = '''
"""A hub."""
import os, sys
dependencies = ["torch"]
NAME, FILE, PACKAGE, SPEC = __name__, os.path.basename(__file__), __package__, __spec__.name
PATH_AT_IMPORT = sys.path[0] == os.path.dirname(__file__)
REGISTERED = __name__ in sys.modules
from helpers_of_this_test.inner import relative
def facts():
    return NAME, FILE, PACKAGE, SPEC, PATH_AT_IMPORT, REGISTERED, sys.path[0] == os.path.dirname(__file__)
def sibling(): return relative()
def greet(name, punctuation="!"):
    """Greets."""
    return f"hello {name}{punctuation}"
class Model:
    """A model."""
    def predict(self, x: int) -> int:
        """Predicts."""
        return x
def model(): return Model()
def _hidden(): pass
constant = 1
'''


class HubBesideTorchHub(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.write("hubconf.py", HUBCONF)
        self.write("helpers_of_this_test/__init__.py", "")
        self.write("helpers_of_this_test/inner.py", "from .value import VALUE\ndef relative(): return VALUE\n")
        self.write("helpers_of_this_test/value.py", "VALUE = 'from a sibling'\n")
        self.hub = hub.Hub(self.folder.name, 3)
        self.path = list(sys.path)
        self.addCleanup(self.forget_helpers)

    def forget_helpers(self):
        for name in [name for name in sys.modules if name.startswith("helpers_of_this_test")]:
            del sys.modules[name]

    def write(self, name, text):
        path = os.path.join(self.folder.name, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def torch_hub(self, entry, *arguments, **keywords):
        return torch.hub.load(self.folder.name, entry, *arguments, source="local", **keywords)

    def test_module_names_and_sys_path_are_those_of_torch_hub(self):
        self.assertEqual(self.hub.load("facts", (), {}), self.torch_hub("facts"))
        self.assertEqual(sys.path, self.path)

    def test_sibling_packages_and_their_relative_imports_work(self):
        self.assertEqual(self.hub.load("sibling", (), {}), "from a sibling")

    def test_arguments_and_keywords(self):
        self.assertEqual(self.hub.load("greet", ("you",), {"punctuation": "?"}),
                         self.torch_hub("greet", "you", punctuation="?"))

    def test_entrypoints_are_callables_imported_ones_too_without_an_underscore(self):
        self.assertEqual(self.hub.list(), ["Model", "facts", "greet", "model", "relative", "sibling"])

    def test_help_has_signature_and_docstring(self):
        self.assertEqual(self.hub.help(""), "A hub.")
        self.assertEqual(self.hub.help("greet"), "greet(name, punctuation='!')\n\nGreets.")
        self.assertIn("predict(self, x: int) -> int\n\nPredicts.", self.hub.help("Model.predict"))
        self.assertIn("predict(x: int) -> int\n\nPredicts.", self.hub.help("model.predict"))

    def assert_same_failure(self, entry):
        with self.assertRaises(Exception) as theirs:
            self.torch_hub(entry)
        sys.path[:] = self.path
        with self.assertRaises(type(theirs.exception)) as ours:
            self.hub.load(entry, (), {})
        self.assertEqual(str(ours.exception), str(theirs.exception))
        self.assertEqual(sys.path, self.path)

    def test_unknown_entrypoints_fail_with_the_message_of_torch_hub(self):
        self.assert_same_failure("nothing")
        self.assert_same_failure("constant")

    def test_missing_dependencies_fail_with_the_message_of_torch_hub(self):
        self.write("hubconf.py", "dependencies = ['torch', 'no_such_package', 'nor_this']\ndef entry(): pass\n")
        self.assert_same_failure("entry")

    def test_a_hubconf_that_raises_leaves_sys_path_as_it_was(self):
        self.write("hubconf.py", "raise OSError('broken')\n")
        with self.assertRaises(OSError):
            self.hub.load("entry", (), {})
        self.assertEqual(sys.path, self.path)

    def test_the_seed_holds_at_import_and_again_at_the_entrypoint(self):
        self.write("hubconf.py", "import random, torch\nAT_IMPORT = random.random(), torch.rand(1).item()\n"
                                 "def draw(): return AT_IMPORT, (random.random(), torch.rand(1).item())\n")
        at_import, at_entry = self.hub.load("draw", (), {})
        random.seed(3)
        torch.manual_seed(3)
        self.assertEqual(at_import, (random.random(), torch.rand(1).item()))
        self.assertEqual(at_entry, at_import)

    def test_without_a_seed_two_hubs_draw_different_numbers(self):
        hub.Hub(self.folder.name, None)
        first = torch.rand(1).item(), random.random()
        hub.Hub(self.folder.name, None)
        self.assertNotEqual(first, (torch.rand(1).item(), random.random()))


class Inputs(unittest.TestCase):
    def make(self, *specs, seed=None):
        return inputs.make_inputs(seed, list(specs))

    def file(self, name, data):
        return inputs.make_inputs(None, [(name, torch.frombuffer(bytearray(data), dtype=torch.uint8))])[0]

    def test_one_seed_for_all_inputs_in_their_order(self):
        first, second = self.make("rand:1x3", "randn:2", seed=5)
        torch.manual_seed(5)
        self.assertTrue(torch.equal(first, torch.rand(1, 3)))
        self.assertTrue(torch.equal(second, torch.randn(2)))

    def test_shapes(self):
        zeros, ones, numbers, scalar = self.make("zeros:2x0x3", "ones:2", "arange:4", "zeros:")
        self.assertEqual((zeros.shape, ones.tolist(), numbers.tolist()), (torch.Size([2, 0, 3]), [1, 1], [0, 1, 2, 3]))
        self.assertEqual(scalar.shape, torch.Size([]))

    def test_what_cannot_be_is_refused_by_name(self):
        for spec in ("rand:1xtwo", "rand:-1", "uniform:3", "arange:", "arange:2x2"):
            with self.assertRaisesRegex(ValueError, "input '" + spec):
                self.make(spec)

    def test_numpy_files(self):
        import numpy
        one, two = io.BytesIO(), io.BytesIO()
        numpy.save(one, numpy.arange(3))
        numpy.savez(two, a=numpy.arange(2), b=numpy.ones(1))
        self.assertEqual(self.file("x.npy", one.getvalue()).tolist(), [0, 1, 2])
        self.assertEqual(self.file("x.npz", two.getvalue())["a"].tolist(), [0, 1])

    def test_torch_files(self):
        data = io.BytesIO()
        torch.save({"x": torch.ones(2)}, data)
        self.assertEqual(self.file("x.pt", data.getvalue())["x"].tolist(), [1, 1])

    def test_wav_files_become_mono_floats(self):
        data = io.BytesIO()
        with wave.open(data, "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(16000)
            file.writeframes(b"\x00\x40\x00\x00" * 2)
        self.assertEqual(self.file("x.wav", data.getvalue()).tolist(), [0.25, 0.25])

    @unittest.skipUnless(importlib.util.find_spec("PIL"), "the interpreter has no PIL")
    def test_images_become_rgb_floats(self):
        from PIL import Image
        data = io.BytesIO()
        Image.new("L", (4, 2), 255).save(data, "PNG")
        image = self.file("x.png", data.getvalue())
        self.assertEqual((image.shape, image.min().item()), (torch.Size([1, 3, 2, 4]), 1.0))

    @unittest.skipUnless(importlib.util.find_spec("PIL"), "the interpreter has no PIL")
    def test_images_of_more_than_8_bits_are_refused(self):
        from PIL import Image
        data = io.BytesIO()
        Image.new("I", (2, 2), 3000).save(data, "PNG")
        with self.assertRaisesRegex(ValueError, "input 'x.png'.*more than 8 bits"):
            self.file("x.png", data.getvalue())

    def test_broken_files_are_refused_by_name(self):
        for name in ("x.npy", "x.pt", "x.wav"):
            with self.assertRaisesRegex(ValueError, f"input '{name}'"):
                self.file(name, b"nothing of the kind")

    def test_other_files_are_refused(self):
        with self.assertRaisesRegex(ValueError, "input 'x.txt'"):
            self.file("x.txt", b"text")


if __name__ == "__main__":
    unittest.main()
