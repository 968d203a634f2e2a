"""Gradients through a worker equal those in-process, and what holds them is freed.

Run: PYTHONPATH=build/dev/python:tests/support python3 tests/python/gradients_test.py
"""

import copy
import gc
import time
import unittest

import torch

import hubcell as hub
import support

MODELS = '''
    import torch

    class Conv(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = torch.nn.Conv2d(3, 8, 3, padding=1)
            self.norm = torch.nn.BatchNorm2d(8)
            self.conv2 = torch.nn.Conv2d(8, 4, 3, stride=2)
            self.head = torch.nn.Linear(4, 5)

        def forward(self, x):
            x = torch.relu(self.norm(self.conv1(x)))
            return self.head(self.conv2(x).mean((2, 3)))

    class Many(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = torch.nn.Linear(4, 3)

        def forward(self, x, scale=None, unused=None):
            y = self.fc(x)
            if scale is not None:
                y = y * scale
            return {"y": y, "pair": (y.sin(), x.detach()), "index": y.argmax(1), "name": "many"}
'''
HUBCONF = MODELS + '''
    import collections
    import gc

    class Counted(Many):
        def graphs(self):
            gc.collect()
            return sum(type(thing).__name__ == "Graph" for thing in gc.get_objects())

    class Shapes(torch.nn.Module):
        """Answers of many shapes, and changes in place."""
        Pair = collections.namedtuple("Pair", "a b")
        def __init__(self):
            super().__init__()
            self.fc = torch.nn.Linear(4, 4)
            self.features = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(inplace=True),
                                                torch.nn.Linear(6, 3), torch.nn.ReLU(inplace=True))
        def forward(self, x): return self.fc(x)
        def named(self, x): return self.Pair(self.fc(x), self.fc(x).exp())
        def ordered(self, x): return collections.OrderedDict(a=self.fc(x), b=[x * 2, (x.sum(),)])
        def itself(self, x): return x, x.view(-1), x[0]
        def repeated(self, x): return (self.fc(x),) * 2
        def scaled(self, xs, by): return sum(xs) * by["factor"]
        def topk(self, x): return x.topk(2)
        def changed(self, x): return self.fc(x.sub_(1).mul_(2))
        def drawn(self, x): return x * torch.rand_like(x)
        def without(self, x):
            with torch.no_grad(): return self.fc(x)

    def shapes(): return Shapes()
    def conv(): return Conv()
    def many(): return Counted()
'''


def tensors_of(value):
    if isinstance(value, torch.Tensor):
        yield value
        return
    for item in value.values() if isinstance(value, dict) else value:
        yield from tensors_of(item)


class GradientsTest(support.RepositoryTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.path = cls.repository("gradients", hubconf=HUBCONF)
        torch.manual_seed(0)

    def load(self, entry):
        """The model in a worker, and the same one here."""
        remote = hub.load(self.path, entry, source="local")
        local = torch.hub.load(self.path, entry, source="local")
        local.load_state_dict(remote.state_dict())
        return remote, local

    def test_those_of_a_convolutional_net_equal_the_ones_in_process(self):
        remote, local = self.load("conv")
        for mode in (True, False):
            remote.train(mode)
            local.train(mode)
            here, there = (torch.randn(2, 3, 9, 9).requires_grad_() for _ in range(2))
            with torch.no_grad():
                there.copy_(here)
            local(here).square().sum().backward()
            remote(there).square().sum().backward()
            self.assertTrue(torch.equal(there.grad, here.grad))
        for name, parameter in local.named_parameters():
            owner, _, last = name.rpartition(".")
            self.assertTrue(torch.equal(getattr(getattr(remote, owner), last).grad, parameter.grad), name)

    def test_gradcheck(self):
        for entry, shape in (("conv", (2, 3, 5, 5)),):
            remote, _ = self.load(entry)
            remote.double().eval()
            torch.autograd.gradcheck(remote, (torch.randn(shape, dtype=torch.double, requires_grad=True),))

    def test_gradcheck_of_many_outputs_and_inputs(self):
        remote, _ = self.load("many")
        remote.double()

        def outputs(x, scale):
            answer = remote(x, scale=scale, unused=x)
            return answer["y"], answer["pair"][0]

        x, scale = (torch.randn(shape, dtype=torch.double, requires_grad=True) for shape in ((2, 4), (2, 3)))
        torch.autograd.gradcheck(outputs, (x, scale))

    def test_what_has_no_history_here_has_none_there(self):
        remote, _ = self.load("many")
        answer = remote(torch.randn(2, 4, requires_grad=True))
        self.assertEqual([answer["y"].requires_grad, answer["pair"][0].requires_grad, answer["pair"][1].requires_grad,
                          answer["index"].requires_grad], [True, True, False, False])
        self.assertEqual(answer["name"], "many")
        with torch.no_grad():
            self.assertFalse(remote(torch.randn(2, 4, requires_grad=True))["y"].requires_grad)
        self.assertFalse(remote(torch.randn(2, 4))["y"].requires_grad)

    def test_a_worker_inside_of_a_loss_trains_a_model_here(self):
        remote, local = self.load("conv")
        remote.eval()
        local.eval()
        student = torch.nn.Conv2d(3, 3, 1)
        other = copy.deepcopy(student)
        x = torch.randn(2, 3, 8, 8)
        self.train_by(student, remote, x)
        self.train_by(other, local, x)
        self.assertTrue(torch.equal(student.weight, other.weight))

    def train_by(self, student, critic, x):
        optimizer = torch.optim.SGD(student.parameters(), lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            critic(student(x)).square().mean().backward()
            optimizer.step()

    def test_answers_of_many_shapes_equal_the_ones_in_process(self):
        remote, local = self.load("shapes")
        uses = {
            "named": lambda model, x: model.named(x), "one of two": lambda model, x: model.named(x).b,
            "ordered": lambda model, x: model.ordered(x), "itself": lambda model, x: model.itself(x),
            "repeated": lambda model, x: model.repeated(x), "topk": lambda model, x: model.topk(x),
            "nested": lambda model, x: model.scaled([x, x * 2], by={"factor": x}),
            "drawn": lambda model, x: model.drawn(x),
            "without": lambda model, x: model.without(x), "changed": lambda model, x: model.changed(x * 1),
            "changed leaf": lambda model, x: model.changed(x), "layer": lambda model, x: model.fc(model(x)),
            "strided": lambda model, x: model(x[:1].expand(2, 4)) + model(x.t().contiguous().t())}
        for name, use in uses.items():
            with self.subTest(name):
                found, expected = (support.bits_of(self.outcome(use, model)) for model in (remote, local))
                self.assertEqual(found, expected)

    def outcome(self, use, model):
        """The answer's tensors, which of them have a history, and the input's gradient; or that torch refused."""
        torch.manual_seed(3)
        x = torch.randn(2, 4, requires_grad=True)
        try:
            tensors = list(tensors_of(use(model, x)))
        except RuntimeError as error:
            self.assertIn("a leaf Variable that requires grad is being used in an in-place operation", str(error))
            return ["refused"]
        recorded = [tensor for tensor in tensors if tensor.requires_grad]
        if recorded:
            sum(tensor.square().sum() for tensor in recorded).backward()
        return [*tensors, [tensor.requires_grad for tensor in tensors], x.grad]

    def test_features_layer_by_layer_as_perceptual_losses_take_them(self):
        remote, local = self.load("shapes")

        def gradient_through(model):
            torch.manual_seed(4)
            x = torch.randn(2, 4, requires_grad=True)
            hidden, features = x * 2, []
            for layer in model.features:
                hidden = layer(hidden)
                features.append(hidden)
            sum(feature.square().sum() for feature in features[1::2]).backward()
            return x.grad
        self.assertTrue(torch.equal(gradient_through(remote), gradient_through(local)))

    def test_those_of_parameters_add_up_in_the_worker_and_are_cleared(self):
        remote, local = self.load("conv")
        for model in (remote, local):
            torch.manual_seed(5)
            for _ in range(2):
                model(torch.randn(2, 3, 9, 9, requires_grad=True)).sum().backward()
        self.assertTrue(torch.equal(remote.head.weight.grad, local.head.weight.grad))
        for words in ({}, {"set_to_none": False}, {"set_to_none": True}):
            remote.zero_grad(**words)
            local.zero_grad(**words)
            self.assertEqual(str(remote.head.weight.grad), str(local.head.weight.grad))

    def test_inside_of_a_module_of_the_callers(self):
        remote, local = self.load("conv")
        x = torch.randn(2, 3, 8, 8, requires_grad=True)
        whole = torch.nn.Sequential(remote.eval(), torch.nn.Softmax(1))
        expected, = torch.autograd.grad(torch.nn.Sequential(local.eval(), torch.nn.Softmax(1))(x)[:, 0].sum(), x)
        found, = torch.autograd.grad(whole(x)[:, 0].sum(), x)
        self.assertTrue(torch.equal(found, expected))

    def test_a_second_backward_needs_the_graph_to_be_retained(self):
        remote, _ = self.load("many")
        x = torch.randn(2, 4, requires_grad=True)
        loss = remote(x)["y"].sum()
        loss.backward(retain_graph=True)
        first = x.grad.clone()
        loss.backward()
        self.assertTrue(torch.equal(x.grad, 2 * first))
        with self.assertRaisesRegex(RuntimeError, "second time"):
            loss.backward()

    def test_a_gradient_of_a_gradient_is_refused(self):
        remote, _ = self.load("many")
        x = torch.randn(2, 4, requires_grad=True)
        with self.assertRaisesRegex(hub.Error, "create_graph"):
            torch.autograd.grad(remote(x)["pair"][0].sum(), x, create_graph=True)

    def test_they_flow_through_futures(self):
        remote, local = self.load("conv")
        x = torch.randn(2, 3, 8, 8)
        inputs = [x.clone().requires_grad_() for _ in range(3)]
        for future in [hub.call_async(remote, one) for one in inputs[:2]]:
            future.result().sum().backward()
        local(inputs[2]).sum().backward()
        for one in inputs[:2]:
            self.assertTrue(torch.equal(one.grad, inputs[2].grad))
        with torch.no_grad():
            self.assertFalse(hub.call_async(remote, inputs[0]).result().requires_grad)

    def test_graphs_end_with_the_callers(self):
        remote, _ = self.load("many")
        x = torch.randn(2, 4, requires_grad=True)
        answers = [remote(x) for _ in range(5)]
        self.assertEqual(remote.graphs(), 5)
        del answers[1:]
        self.assertEqual(remote.graphs(), 1)
        del answers
        gc.collect()
        end = time.monotonic() + 60
        while remote.graphs() and time.monotonic() < end:
            time.sleep(0.01)
        self.assertEqual(remote.graphs(), 0)


if __name__ == "__main__":
    unittest.main()
