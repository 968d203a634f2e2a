"""Handles feel like the modules and the objects that they stand for, and say so where they cannot.

Run: PYTHONPATH=build/dev/python:tests/support python3 tests/python/module_test.py
"""

import builtins
import copy
import io
import pickle
import pydoc
import unittest

import torch

import hubcell as hub
import support

HUBCONF = '''
    import contextlib
    import torch

    class Net(torch.nn.Module):
        """Two layers."""
        def __init__(self):
            super().__init__()
            self.body = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
            self.head = torch.nn.Linear(3, 2)
            self.conf, self.names = 0.5, ["cat", "dog"]

        def forward(self, x):
            """Classifies x, of N x 4."""
            return self.head(self.body(x))

        def __len__(self): return 2
        def __contains__(self, name): return name in self.names
        def __getitem__(self, index): return self.names[index]

    class Things:
        def __init__(self): self.entered = []
        def count(self, to):
            for number in range(to):
                yield number
        @contextlib.contextmanager
        def opened(self):
            self.entered.append("in")
            try:
                yield 7
            finally:
                self.entered.append("out")
        def __lt__(self, other): return True
        def __add__(self, other): return other + 1
        def throw(self, name, *arguments):
            import builtins
            raise getattr(builtins, name)(*arguments)

    def net(): return Net()
    def things(): return Things()
'''


class ModuleTest(support.RepositoryTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.path = cls.repository("modules", hubconf=HUBCONF)
        torch.manual_seed(0)
        cls.x = torch.randn(5, 4)

    def setUp(self):
        self.net = hub.load(self.path, "net", source="local")

    def twin(self, remote):
        """The same model in this process."""
        local = torch.hub.load(self.path, "net", source="local")
        local.load_state_dict(remote.state_dict())
        return local.train(remote.training)

    # ---- as a module

    def test_it_is_a_module_and_shows_itself_as_the_models_own(self):
        self.assertIsInstance(self.net, torch.nn.Module)
        self.assertEqual(repr(self.net), repr(self.twin(self.net)))
        self.assertIn("conf", dir(self.net))
        self.assertIn("Classifies x, of N x 4.", pydoc.render_doc(self.net.forward))
        self.assertEqual(sum(p.numel() for p in self.net.parameters()), 4 * 3 + 3 + 3 + 3 + 3 * 2 + 2)

    def test_a_module_that_holds_it_includes_it(self):
        whole, local = (torch.nn.Sequential(net, torch.nn.Linear(2, 2)) for net in (self.net, self.twin(self.net)))
        self.assertEqual([name for name, _ in whole.named_parameters()], [name for name, _ in local.named_parameters()])
        self.assertEqual([name for name, _ in whole.named_buffers()], [name for name, _ in local.named_buffers()])
        self.assertEqual(list(whole.state_dict()), list(local.state_dict()))
        whole.eval()
        self.assertFalse(self.net.training)
        whole.double()
        self.assertEqual({p.dtype for p in self.net.parameters()}, {torch.double})
        self.assertEqual(whole(self.x.double()).dtype, torch.double)
        seen = []
        whole.apply(seen.append)
        self.assertTrue(any(module is self.net for module in seen))

    def test_modes_act_in_the_worker_and_return_the_handle(self):
        for act in (lambda m: m.eval(), lambda m: m.train(), lambda m: m.half(), lambda m: m.float(), lambda m: m.double(),
                    lambda m: m.to(torch.float32), lambda m: m.requires_grad_(False)):
            self.assertIs(act(self.net), self.net)
        self.assertTrue(self.net.training)
        self.assertFalse(any(p.requires_grad for p in self.net.parameters()))

    def test_a_state_dict_goes_out_and_in(self):
        other = hub.load(self.path, "net", source="local")
        self.assertEqual(str(other.load_state_dict(self.net.state_dict())), "<All keys matched successfully>")
        self.assertTrue(torch.equal(other.eval()(self.x), self.net.eval()(self.x)))
        with self.assertRaisesRegex(RuntimeError, "Missing key"):
            other.load_state_dict({"head.bias": torch.zeros(2)})
        self.assertIn("head.weight", other.load_state_dict({"head.bias": torch.zeros(2)}, strict=False).missing_keys)
        whole = torch.nn.Sequential(self.net)
        whole.load_state_dict({name: torch.zeros_like(tensor) for name, tensor in whole.state_dict().items()})
        self.assertTrue(all(torch.count_nonzero(tensor) == 0 for tensor in self.net.state_dict().values()))
        file = io.BytesIO()
        torch.save(self.net.state_dict(), file)
        file.seek(0)
        self.assertEqual(list(torch.load(file)), list(self.net.state_dict()))

    def test_it_computes_what_the_model_computes(self):
        local = self.twin(self.net)
        for mode in (torch.no_grad, torch.inference_mode, torch.enable_grad):
            with mode():
                self.assertTrue(torch.equal(self.net(self.x), local(self.x)))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            self.assertEqual(self.net.eval()(self.x).dtype, local.eval()(self.x).dtype)

    def test_random_numbers_go_on_as_if_it_were_here(self):
        torch.manual_seed(5)
        local = torch.hub.load(self.path, "net", source="local")
        after = torch.rand(3)
        torch.manual_seed(5)
        remote = hub.load(self.path, "net", source="local")
        self.assertTrue(torch.equal(torch.rand(3), after))
        self.assertTrue(torch.equal(remote.state_dict()["head.weight"], local.head.weight))

    # ---- as an object

    def test_attributes_are_the_models(self):
        self.net.conf = 0.25
        self.net.names[0] = "cow"
        self.assertEqual((self.net.conf, self.net[0], len(self.net), "cow" in self.net), (0.25, "cow", 2, True))
        self.net.table = {"a": [1, 2]}
        table = self.net.table
        table["a"].append(3)
        table["b"] = set()
        self.assertEqual(table, {"a": [1, 2, 3], "b": set()})
        self.assertEqual(self.net.table, table)
        del self.net.conf
        self.assertFalse(hasattr(self.net, "conf"))

    def test_objects_iterate_compare_and_open(self):
        things = hub.load(self.path, "things", source="local")
        self.assertEqual(list(things.count(3)), [0, 1, 2])
        self.assertTrue(things < 1)
        self.assertEqual(things + 1, 2)
        with things.opened() as number:
            self.assertEqual(number, 7)
        self.assertEqual(things.entered, ["in", "out"])

    def test_every_exception_arrives_as_itself(self):
        things = hub.load(self.path, "things", source="local")
        arguments = {"UnicodeDecodeError": ("utf-8", b"x", 0, 1, "bad"), "OSError": (2, "no file")}
        for kind in (ValueError, TypeError, KeyError, IndexError, AttributeError, OSError, FileNotFoundError, StopIteration,
                     ZeroDivisionError, NotImplementedError, UnicodeDecodeError, ImportError, MemoryError, AssertionError):
            with self.subTest(kind.__name__), self.assertRaises(kind) as raised:
                things.throw(kind.__name__, *arguments.get(kind.__name__, ("why",)))
            self.assertIsInstance(raised.exception, hub.Error)
            self.assertIn("in throw", raised.exception.remote_traceback)
        for kind in ("SystemExit", "KeyboardInterrupt", "GeneratorExit"):
            with self.assertRaises(hub.Error):
                things.throw(kind, 3)

    def test_every_builtin_exception_survives_and_pickles(self):
        things = hub.load(self.path, "things", source="local")
        words = {"UnicodeDecodeError": ("utf-8", b"why", 0, 1, "why"), "ExceptionGroup": ("why", []),
                 "UnicodeEncodeError": ("utf-8", "why", 0, 1, "why"), "UnicodeTranslateError": ("why", 0, 1, "why")}
        kinds = [kind for kind in vars(builtins).values() if isinstance(kind, type) and issubclass(kind, Exception)]
        for kind in kinds:
            name = kind.__name__
            with self.subTest(name), self.assertRaises(hub.Error) as raised:
                things.throw(name, *words.get(name, ("why",)))
            error = raised.exception
            again = pickle.loads(pickle.dumps(error))
            self.assertEqual((type(again).__mro__[1:], str(again)), (type(error).__mro__[1:], str(error)))
            self.assertIn("why" if name != "ExceptionGroup" else "ValueError", str(error))
            self.assertTrue(isinstance(error, kind) or name == "ExceptionGroup", name)

    def test_an_os_error_has_its_parts(self):
        things = hub.load(self.path, "things", source="local")
        for words, parts in (((2, "no file", "a b.pt"), (2, "no file", "a b.pt")), ((28, "full"), (28, "full", None)),
                             (("odd",), (None, None, None))):
            with self.assertRaises(OSError) as raised:
                things.throw("OSError", *words)
            for error in (raised.exception, pickle.loads(pickle.dumps(raised.exception))):
                self.assertEqual((error.errno, error.strerror, error.filename), parts)

    # ---- what cannot be

    def test_what_would_be_lost_is_refused(self):
        with self.assertRaisesRegex(hub.Error, "optimizer"):
            torch.optim.SGD(self.net.parameters(), lr=0.1)
        with self.assertRaisesRegex(hub.Error, "modules do not cross"):
            self.net.head = torch.nn.Linear(3, 2)
        with self.assertRaisesRegex(hub.Error, "register_forward_hook"):
            self.net.register_forward_hook(print)
        for copied in (copy.copy, copy.deepcopy):
            with self.assertRaisesRegex(hub.Error, "it lives in its worker"):
                copied(self.net)

    def test_a_change_in_place_is_noticed(self):
        for change in (lambda net: torch.nn.init.zeros_(net.head.weight), lambda net: next(net.parameters()).zero_(),
                       lambda net: net.head.weight.__setitem__(0, 1.0), lambda net: net.body[0].bias.__imul__(2)):
            with torch.no_grad(), self.assertRaisesRegex(hub.Error, "change a tensor of a model in a worker"):
                change(self.net)
        state = self.net.state_dict()
        state["head.bias"].add_(1)
        with self.assertRaisesRegex(hub.Error, "changed in place here"):
            self.net(self.x)
        state["head.bias"].add_(1)
        self.net.load_state_dict(state)
        self.assertTrue(torch.equal(self.net(self.x), self.twin(self.net)(self.x)))

    def test_parameters_can_be_frozen(self):
        for parameter in self.net.parameters():
            parameter.requires_grad = False
        self.assertFalse(any(parameter.requires_grad for parameter in self.net.parameters()))
        self.net.head.weight.requires_grad_()
        self.assertEqual([name for name, p in self.net.named_parameters() if p.requires_grad], ["head.weight"])

    def test_an_object_of_another_worker_is_refused(self):
        other = hub.load(self.repository("other", hubconf=HUBCONF), "net", source="local")
        with self.assertRaisesRegex(hub.Error, "an object stays in its own worker"):
            self.net(other)


if __name__ == "__main__":
    unittest.main()
