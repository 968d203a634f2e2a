"""A model in a worker inside of modules of the caller's own, and what becomes of its tensors: what reaches the worker,
and what is refused because it would be lost.

Run: PYTHONPATH=build/dev/python:tests/support python3 tests/python/holder_test.py
"""

import copy
import io
import pickle
import unittest

import numpy
import torch
from torch import nn

import hubcell as hub
import support

HUBCONF = '''
import torch
from torch import nn


class Net(nn.Module):
    """A small convolutional net."""

    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.norm = nn.BatchNorm2d(width)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(width, 2)
        self.anchors = torch.ones(3)

    def forward(self, x):
        """Scores of images of shape (N, 3, H, W)."""
        return self.fc(self.drop(torch.relu(self.norm(self.conv(x)))).mean((2, 3)))

    def dtypes(self):
        return [p.dtype for p in self.parameters()]

    def wants(self):
        return [p.requires_grad for p in self.parameters()]

    def modes(self):
        return [module.training for module in self.modules()]

    def norms(self):
        return [None if p.grad is None else float(p.grad.norm()) for p in self.parameters()]


class Odd:
    def echo(self, count=9):
        got = 0
        for _ in range(count):
            got = yield got

    def __add__(self, other):
        raise TypeError("the reason")

    def __radd__(self, other):
        return other + 100


def net(width=4): return Net(width)
def odd(): return Odd()
'''


class Holder(nn.Module):
    """A module of the caller's that holds one of a worker beside one of its own."""

    def __init__(self, body):
        super().__init__()
        self.body = body
        self.head = nn.Linear(2, 5)

    def forward(self, x):
        return self.head(self.body(x))


class HolderCase(support.RepositoryTest):
    """Each test has a model of its own, and the same model of torch.hub in this process."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.path = cls.repository("holder", hubconf=HUBCONF)

    def setUp(self):
        self.x = torch.linspace(-1, 1, 2 * 3 * 6 * 6).reshape(2, 3, 6, 6)

    def load(self, loader=hub, entry="net"):
        torch.manual_seed(0)
        return loader.load(self.path, entry, source="local")

    def pair(self, entry="net"):
        return self.load(hub, entry), self.load(torch.hub, entry)

    def pair_of_holders(self):
        holders = []
        for model in self.pair():
            torch.manual_seed(2)
            holders.append(Holder(model).eval())
        return holders

    def assert_same(self, mine, theirs):
        self.assertEqual(support.bits_of(mine), support.bits_of(theirs))


class InsideOthers(HolderCase):
    """The held modules' tensors are the worker's; the holder is the caller's."""

    def test_in_a_sequential(self):
        model, local = self.pair()
        mine, theirs = nn.Sequential(model, nn.Softmax(1)).eval(), nn.Sequential(local, nn.Softmax(1)).eval()
        self.assertFalse(any(model.modes()))
        self.assert_same(mine(self.x), theirs(self.x))
        self.assertEqual(repr(mine), repr(theirs))
        self.assertIs(mine[0], model)

    def test_in_a_module_of_the_callers(self):
        mine, theirs = self.pair_of_holders()
        self.assert_same(mine(self.x), theirs(self.x))
        self.assertEqual(repr(mine), repr(theirs))
        self.assert_same(dict(mine.named_parameters()), dict(theirs.named_parameters()))
        self.assert_same(dict(mine.named_buffers()), dict(theirs.named_buffers()))
        self.assert_same(mine.state_dict(), theirs.state_dict())
        self.assert_same(mine.state_dict(prefix="x."), theirs.state_dict(prefix="x."))
        self.assertEqual(len(list(mine.parameters())), len(list(theirs.parameters())))

    def test_its_state_loads_through_the_holder(self):
        mine, theirs = self.pair_of_holders()
        state = {name: value * 2 for name, value in theirs.state_dict().items()}
        self.assertEqual(str(mine.load_state_dict(state)), "<All keys matched successfully>")
        theirs.load_state_dict(state)
        self.assert_same(mine(self.x), theirs(self.x))
        del state["body.fc.bias"]
        state["body.more"] = torch.zeros(1)
        with self.assertRaisesRegex(RuntimeError, "Missing key.*body.fc.bias"):
            mine.load_state_dict(state)
        found = mine.load_state_dict(state, strict=False)
        self.assertEqual((found.missing_keys, found.unexpected_keys), (["body.fc.bias"], ["body.more"]))
        with self.assertRaisesRegex(RuntimeError, "size mismatch for .*fc.weight"):
            mine.load_state_dict({**theirs.state_dict(), "body.fc.weight": torch.zeros(1, 1)})

    def test_the_holders_changes_reach_the_worker(self):
        mine, theirs = self.pair_of_holders()
        mine.double(), theirs.double()
        self.assertEqual(set(mine.body.dtypes()), {torch.double})
        self.assert_same(mine(self.x.double()), theirs(self.x.double()))
        self.assertEqual(set(mine.to(torch.float).body.dtypes()), {torch.float})
        self.assertEqual(set(mine.half().body.dtypes()), {torch.half})
        mine.train()
        self.assertTrue(all(mine.body.modes()))
        mine.requires_grad_(False)
        self.assertFalse(any(mine.body.wants()))
        mine.float().requires_grad_(True)
        self.assertTrue(all(mine.body.wants()))

    def test_apply_and_modules_see_one_module(self):
        mine, _ = self.pair_of_holders()
        self.assertIn(mine.body, list(mine.children()))
        self.assertIn("body", dict(mine.named_modules()))
        mine.apply(lambda module: module.train())
        self.assertTrue(all(mine.body.modes()))

    def test_gradients_in_the_worker_are_cleared_and_clipped(self):
        def norms_of(holder, set_to_none):
            holder.zero_grad()
            holder(self.x.clone().requires_grad_()).square().sum().mul(100).backward()
            before = nn.utils.clip_grad_norm_(holder.parameters(), 1.0)
            after = [float(parameter.grad.norm()) for parameter in holder.parameters()]
            inner = holder.body.norms()
            holder.zero_grad(set_to_none=set_to_none)
            return float(before), after, inner, holder.body.norms()
        mine, theirs = self.pair_of_holders()
        for set_to_none in (False, True):
            self.assertEqual(norms_of(mine, set_to_none), norms_of(theirs, set_to_none))
        self.assertEqual(theirs.body.norms(), [None] * 6)


class OwnTensors(HolderCase):
    """Copies of the model's tensors: reading is free, a write that would be lost is an error that says so."""

    def setUp(self):
        super().setUp()
        self.model = self.load().eval()

    def assert_refused(self, words, act, *arguments):
        with torch.no_grad(), self.assertRaisesRegex(hub.Error, words) as caught:
            act(*arguments)
        self.assertEqual(len(str(caught.exception).splitlines()), 1, caught.exception)

    def test_writes_are_refused(self):
        model = self.model
        for write in (lambda: model.fc.weight.data.fill_(1), lambda: model.fc.weight.data.copy_(torch.ones(2, 4)),
                      lambda: model.fc.weight.detach().zero_(), lambda: nn.init.kaiming_normal_(model.conv.weight),
                      lambda: next(model.parameters()).data.mul_(2), lambda: model.norm.running_mean.zero_(),
                      lambda: model.norm.running_var.__setitem__(0, 1.0), lambda: next(model.buffers()).fill_(1),
                      lambda: model.anchors.__setitem__(0, 1.0), lambda: model.fc.weight[0].fill_(1),
                      lambda: model.fc.weight.detach().view(-1)[1:].t().zero_(), lambda: model.anchors.chunk(2)[0].zero_(),
                      lambda: setattr(model.fc.weight, "data", torch.ones(2, 4)),
                      lambda: nn.utils.vector_to_parameters(torch.zeros(1000), model.parameters())):
            self.assert_refused("change a tensor of a model in a worker", write)
        self.assert_refused("clone it first", lambda: nn.Parameter(model.fc.weight.data))
        self.assert_refused("clone it first", lambda: nn.Parameter(model.anchors))
        for array in (model.anchors.numpy(), model.fc.weight.detach().numpy(), numpy.asarray(model.anchors)):
            with self.assertRaisesRegex(ValueError, "read-only"):
                array[0] = 1
        for held in (model._parameters, model._buffers, model._modules):
            self.assert_refused("change what a model in a worker holds", held.update, {})
            self.assert_refused("change what a model in a worker holds", held.__setitem__, "fc", None)
        self.assert_refused("trace a .*Net of a worker", torch.jit.trace, model, self.x)

    def test_whole_tensors_are_set(self):
        model = self.model
        model.fc.weight = nn.Parameter(torch.ones(2, 4))
        model.anchors = model.anchors * 3
        model.norm.running_mean = torch.full((4,), 0.5)
        self.assert_same([model.fc.weight, model.anchors, model.norm.running_mean],
                         [torch.ones(2, 4), torch.full((3,), 3.0), torch.full((4,), 0.5)])
        model.register_buffer("extra", torch.ones(1))
        model.register_parameter("more", nn.Parameter(torch.ones(1)))
        self.assertIn("extra", dict(model.named_buffers()))
        self.assertIn("more", dict(model.named_parameters()))

    def test_reading_and_computing_gives_plain_tensors(self):
        model, local = self.model, self.load(torch.hub)
        self.assertEqual(repr(model.fc.weight), repr(local.fc.weight))
        self.assertEqual(repr(model.norm.running_var), repr(local.norm.running_var))
        self.assertIs(type(model.norm.running_var + 1), torch.Tensor)
        self.assertIs(type(model.fc.weight * 2), torch.Tensor)
        self.assertIs(type(model.fc.weight[0] * 2), torch.Tensor)
        model.fc.weight.t().sum().backward()  # through a view, as any other
        self.assertEqual(list(model._modules), list(local._modules))
        self.assertEqual([type(layer) for layer in model._modules.values()], [hub.Module] * 4)
        model.fc.weight.data.clone().zero_()
        self.assertEqual(model.norm.running_var.numpy().tolist(), [1, 1, 1, 1])
        vectors = [nn.utils.parameters_to_vector(which.parameters()) for which in (model, local)]
        self.assert_same(*vectors)

    def test_copies_are_the_callers_own(self):
        for copied in (copy.deepcopy, lambda tensor: pickle.loads(pickle.dumps(tensor)), self.saved_and_loaded):
            weight, buffer = copied(self.model.fc.weight), copied(self.model.norm.running_mean)
            self.assertEqual((type(weight), type(buffer)), (nn.Parameter, torch.Tensor))
            self.assert_same(weight, self.model.fc.weight)
            torch.optim.SGD([weight], lr=0.1)
            with torch.no_grad():
                weight.zero_()
                buffer.zero_()

    def saved_and_loaded(self, tensor):
        file = io.BytesIO()
        torch.save(tensor, file)
        file.seek(0)
        return torch.load(file)

    def test_a_state_dict_that_was_changed_and_loaded_is_the_models(self):
        state = self.model.state_dict()
        state["fc.bias"].add_(1)
        self.model.load_state_dict(state)
        self.model(self.x)
        holder = Holder(self.model)
        state = holder.state_dict()
        state["body.fc.bias"].add_(1)
        holder.load_state_dict(state)
        holder(self.x)

    def test_a_state_dict_of_a_layer_that_was_changed_and_not_loaded_is_noticed(self):
        state = self.model.fc.state_dict()
        state["bias"].add_(1)
        self.assert_refused("changed in place here", self.model, self.x)
        self.model(self.x)

    def test_layers_of_torch_are_seen_as_what_they_are(self):
        kinds = [kind for module in self.model.modules() for kind in (nn.Conv2d, nn.BatchNorm2d, nn.Dropout, nn.Linear)
                 if isinstance(module, kind)]
        self.assertEqual(kinds, [nn.Conv2d, nn.BatchNorm2d, nn.Dropout, nn.Linear])
        for module in self.model.train().modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        self.assertEqual(self.model.modes(), [True, True, False, True, True])
        self.assertIsInstance(self.model.fc, hub.Module)
        self.assertEqual(self.model.fc.extra_repr(), "in_features=4, out_features=2, bias=True")


class Objects(HolderCase):
    def test_generators_step_and_take_values(self):
        odd = self.load(hub, "odd")
        steps = odd.echo()
        self.assertEqual([next(steps), steps.send(7), steps.send("x")], [0, 7, "x"])
        self.assertEqual(list(odd.echo(2)), [0, None])
        self.assertRaises(StopIteration, next, odd.echo(0))
        self.assertRaisesRegex(TypeError, "not an iterator", next, odd)

    def test_operators_from_the_right_and_with_reasons(self):
        odd = self.load(hub, "odd")
        self.assertEqual(1 + odd, 101)
        self.assertTrue(torch.equal(torch.ones(2) + odd, torch.full((2,), 101.0)))
        self.assertRaisesRegex(hub.Error, "the reason", lambda: odd + 1)
        self.assertRaisesRegex(TypeError, "unsupported operand", lambda: odd - 1)
        self.assertRaisesRegex(TypeError, "unsupported operand", lambda: 1 - odd)
        self.assertFalse(odd == object())
        self.assertTrue(odd != object())


if __name__ == "__main__":
    unittest.main()
