"""Equal weights lie in the same pages, whoever loaded them, and nobody notices but by the memory that is left."""

import gc
import os
import re
import shutil
import signal
import threading
import time
import unittest

import torch

import hubcell
from support import RepositoryTest

DEADLINE_S = 60
HUBCONF = """
import ctypes
import torch

libc = ctypes.CDLL(None)

class Net(torch.nn.Module):
    def __init__(self, width, seed):
        super().__init__()
        torch.manual_seed(seed)
        self.first = torch.nn.Linear(width, width)
        self.second = torch.nn.Linear(width, width)
        self.tied = self.first.weight
        self.row = self.first.weight.detach()[3]
        self.register_buffer("steps", torch.arange(width * width, dtype=torch.int64))

    def forward(self, x):
        return self.second(torch.relu(self.first(x)))

    def write(self, row, value):
        self.row.fill_(value) if row == 3 else self.first.weight.data[row].fill_(value)
        return self.seen(row)

    def seen(self, row):
        return [float(self.first.weight[row, 0]), float(self.tied[row, 0]), float(self.row[0])]

    def leave_holes(self):
        large = [torch.ones(100_000 + 7_000 * number) for number in range(40)]
        del large[::2]
        Net.kept = large

    def scribble(self):
        count = 0
        with open("/proc/self/maps") as maps:
            found = [line.split()[0].split("-") for line in maps if "hubcell-weights" in line]
        for begin, end in (map(lambda number: int(number, 16), pair) for pair in found):
            if libc.mprotect(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), 3) == 0:
                ctypes.memset(begin, 0x55, end - begin)
                count += 1
        return count

    def train_once(self, x):
        with torch.enable_grad():
            self.zero_grad()
            self(x).square().sum().backward()
            torch.optim.SGD(self.parameters(), lr=0.1).step()

def net(width=400, seed=0):
    return Net(width, seed)

def nets(count):
    return [Net(300, seed) for seed in range(count)]
"""
# Models whose weights lie in unusual places; `answer` of each must stay as it is, and `write` must reach it.
PLACES = """
import torch

class Held:
    def __init__(self, function, tensors):
        self.function, self.tensors = function, tensors
    def answer(self, x):
        with torch.no_grad():
            return self.function(x)
    def write(self):
        with torch.no_grad():
            for tensor in self.tensors:
                tensor.mul_(2)
    def pages(self):
        return [tensor.data_ptr() for tensor in self.tensors]

def plain(width):
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(width, width), torch.nn.ReLU(), torch.nn.Linear(width, width)).eval()

def scripted(width=400):
    module = torch.jit.script(plain(width))
    return Held(module, list(module.parameters()))

def frozen(width=400):
    return Held(torch.jit.freeze(torch.jit.script(plain(width))), [])

def traced(width=400):
    module = torch.jit.trace(plain(width), torch.ones(1, width))
    return Held(module, list(module.parameters()))

def quantised(width=400):
    module = torch.quantization.quantize_dynamic(plain(width), {torch.nn.Linear}, dtype=torch.qint8)
    return Held(module, [])

def quantised_tensor(width=400):
    weight = torch.quantize_per_tensor(plain(width)[0].weight.detach(), 0.001, 0, torch.qint8)
    return Held(lambda x: x @ weight.dequantize(), [])

def half(width=400):
    module = plain(width).half()
    return Held(lambda x: torch.cat([p.float().sum()[None] for p in module.parameters()]), list(module.parameters()))

def transposed(width=400):
    weight = plain(width)[0].weight.detach().t()
    return Held(lambda x: x @ weight, [weight])

def overlapping(width=400):
    memory = plain(width)[0].weight.detach().flatten()
    one, other = memory[: width * width // 2].view(-1, width), memory[width * width // 4 :].view(-1, width)
    return Held(lambda x: torch.cat([x @ one.t(), x @ other.t()], dim=1), [one])

def shared_memory(width=400):
    module = plain(width)
    module.share_memory()
    return Held(module, list(module.parameters()))

def of_numpy(width=400):
    import numpy
    weight = torch.from_numpy(numpy.random.RandomState(0).rand(width, width).astype("float32"))
    return Held(lambda x: x @ weight, [weight])

def lazy(width=400):
    module = torch.nn.LazyLinear(width)
    def function(x):
        torch.manual_seed(0)
        return module(x)
    return Held(function, [])

def in_a_closure(width=400):
    weight = plain(width)[0].weight.detach()
    def function(x):
        return x @ weight
    return Held(function, [])

def sparse(width=400):
    weight = plain(width)[0].weight.detach().to_sparse()
    return Held(lambda x: torch.sparse.mm(weight, x.t()), [])

def expanded(width=400):
    weight = torch.arange(float(width * 100)).view(100 * width, 1).expand(100 * width, 3)
    return Held(lambda x: weight.sum(0), [])
"""


def segment_of(tensor):
    """The inode of the shared memory that a tensor of this process lies in; None where it is memory of its own."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            begin, end = (int(part, 16) for part in line.split()[0].split("-"))
            if begin <= tensor.data_ptr() < end:
                return line.split()[4] if "hubcell-weights" in line else None
    return None


def wait_until_shared(model, name="first.weight"):
    """The segment that the parameter `name` lies in."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        segment = segment_of(model.state_dict()[name])
        if segment:
            return segment
        time.sleep(0.05)
    raise AssertionError(f"{name} was not shared within {DEADLINE_S} s")


@unittest.skipIf("libasan" in os.environ.get("LD_PRELOAD", ""), "AddressSanitizer's malloc gives no block a mapping of its own")
class WeightsTest(RepositoryTest):
    def setUp(self):
        self.hub = hubcell.Hub()
        self.addCleanup(self.hub.close)
        self.x = torch.linspace(-1, 1, 800).view(2, 400)

    def load(self, name, entry="net", hub=None, **keywords):
        path = self.repository(name, hubconf=HUBCONF)
        return (hub or self.hub).load(path, entry, source="local", **keywords)

    def test_equal_weights_of_two_repositories_are_there_once(self):
        one, other = self.load("one"), self.load("other")
        self.assertNotEqual(hubcell.info(one)["pid"], hubcell.info(other)["pid"])
        before = one(self.x)
        for name in ("first.weight", "second.weight", "steps"):
            with self.subTest(name):
                self.assertEqual(wait_until_shared(one, name), wait_until_shared(other, name))
        self.assertTrue(torch.equal(one(self.x), before))
        self.assertTrue(torch.equal(other(self.x), before))

    def test_what_is_in_memory_once_is_told(self):
        one, other = self.load("one"), self.load("other", seed=1)
        wait_until_shared(one, "steps"), wait_until_shared(other, "steps")
        steps, weight = 400 * 400 * 8, 400 * 400 * 4
        for model in (one, other):
            info = hubcell.info(model)
            self.assertAlmostEqual(info["weights_bytes"], steps + 2 * weight, delta=3 * 8192)
            self.assertAlmostEqual(info["common_weights_bytes"], steps, delta=8192)

    def test_a_worker_that_scribbles_over_its_mappings_reaches_nobody(self):
        one, other = self.load("one"), self.load("other")
        wait_until_shared(one), wait_until_shared(other)
        expected, kept = other(self.x), other.state_dict()
        self.assertGreater(one.scribble(), 2)
        self.assertTrue(torch.equal(other(self.x), expected))
        third = self.load("third")
        wait_until_shared(third)
        self.assertTrue(torch.equal(third(self.x), expected))
        for name, tensor in third.state_dict().items():
            self.assertTrue(torch.equal(tensor, kept[name]), name)

    def test_other_weights_are_not(self):
        one, other = self.load("one"), self.load("other", seed=1)
        self.assertNotEqual(wait_until_shared(one), wait_until_shared(other))
        self.assertEqual(wait_until_shared(one, "steps"), wait_until_shared(other, "steps"), "this buffer is equal")

    def test_what_a_worker_writes_is_its_own(self):
        one, other = self.load("one"), self.load("other")
        wait_until_shared(one), wait_until_shared(other)
        expected, kept = other(self.x), other.seen(3)
        self.assertEqual(one.write(3, 7.0), [7.0, 7.0, 7.0], "aliases and views are what they were")
        self.assertEqual(one.write(5, 8.0)[:2], [8.0, 8.0])
        self.assertEqual(other.seen(3), kept)
        self.assertTrue(torch.equal(other(self.x), expected))
        self.assertEqual(one.state_dict()["first.weight"][3, 0].item(), 7.0)
        self.assertEqual(other.state_dict()["first.weight"][3, 0].item(), kept[0])
        third = self.load("third")
        wait_until_shared(third)
        self.assertTrue(torch.equal(third(self.x), expected), "nor does it reach whoever comes later")

    def test_a_worker_trains_as_it_would_alone(self):
        shared, sibling = self.load("one"), self.load("other")
        wait_until_shared(shared), wait_until_shared(sibling)
        expected = sibling(self.x)
        alone = self.load("alone")  # trains before anything was shared, as a rule
        for model in (alone, shared):
            for _ in range(3):
                model.train_once(self.x)
        self.assertTrue(torch.equal(shared(self.x), alone(self.x)))
        self.assertFalse(torch.equal(shared(self.x), expected))
        self.assertTrue(torch.equal(sibling(self.x), expected))

    def test_the_death_of_a_sibling_changes_nothing(self):
        one, other = self.load("one"), self.load("other")
        segment = wait_until_shared(one)
        wait_until_shared(other)
        expected = other(self.x)
        os.kill(hubcell.info(one)["pid"], signal.SIGKILL)
        with self.assertRaises(hubcell.WorkerDied):
            while True:
                one(self.x)
        self.assertTrue(torch.equal(other(self.x), expected))
        self.assertTrue(torch.equal(one(self.x), expected), "loaded again")
        self.assertEqual(wait_until_shared(one), segment, "and shared again")

    def test_weights_wait_for_the_next_load_of_the_model(self):
        path = self.repository("one", hubconf=HUBCONF)
        with hubcell.Hub() as hub:
            segment = wait_until_shared(hub.load(path, "net", source="local"))
            copies = []
            for i in range(6):  # more than the idle workers that a Hub keeps
                copies.append(os.path.join(self.folder, f"copy{i}"))
                shutil.copytree(path, copies[-1])
                hub.load(copies[-1], "net", 64, source="local")
            gc.collect()
            self.assertEqual(wait_until_shared(hub.load(path, "net", source="local")), segment)

    def test_a_state_dict_is_the_callers_own(self):
        model = self.load("one")
        wait_until_shared(model)
        first, second = model.state_dict(), model.state_dict()
        kept = second["first.weight"].clone()
        first["first.weight"].zero_()
        self.assertTrue(torch.equal(second["first.weight"], kept))
        self.assertEqual(model.seen(0)[0], kept[0, 0].item(), "the worker's stay as they are")
        del model, second
        gc.collect()
        self.hub.close()
        self.assertTrue(first["first.weight"].eq(0).all(), "it outlives its worker")

    def test_calls_without_a_pause_do_not_keep_weights_from_being_shared(self):
        model, expected, stopped = self.load("one"), None, threading.Event()
        expected = model(self.x)
        wrong = []

        def call():
            while not stopped.is_set():
                if not torch.equal(model(self.x), expected):
                    wrong.append(1)

        callers = [threading.Thread(target=call) for _ in range(2)]
        for caller in callers:
            caller.start()
        try:
            wait_until_shared(model, "steps")
        finally:
            stopped.set()
            for caller in callers:
                caller.join()
        self.assertEqual(wrong, [])

    def test_many_loads_in_one_worker(self):
        for count in (3, 5, 2):
            models = self.load("one", "nets", count=count)
            self.assertEqual(len({wait_until_shared(model) for model in models}), count)
            del models
            gc.collect()

    def test_a_load_that_finds_room_in_the_heap_is_shared_too(self):
        first = self.load("one")
        first.leave_holes()
        second = self.load("one", seed=5)
        wait_until_shared(second), wait_until_shared(second, "steps")

    def test_a_small_budget_still_loads(self):
        with hubcell.Hub(memory="256MiB") as hub:
            model = self.load("one", hub=hub)
            expected = model(self.x)
            wait_until_shared(model)
            self.assertTrue(torch.equal(model(self.x), expected))
            self.assertEqual(model.write(3, 7.0)[0], 7.0)

    def test_weights_in_unusual_places(self):
        path = self.repository("places", hubconf=PLACES)
        marker = self.load("marker")
        for entry in sorted(set(re.findall(r"^def (\w+)", PLACES, re.MULTILINE)) - {"plain"}):
            with self.subTest(entry):
                twin = shutil.copytree(path, os.path.join(self.folder, "twin"), dirs_exist_ok=True)
                model, sibling = (self.hub.load(place, entry, source="local") for place in (path, twin))
                expected, addresses = model.answer(self.x), model.pages()
                time.sleep(0.3)  # what is to be shared is by now, or else nothing is checked that was not before
                self.assertTrue(torch.equal(model.answer(self.x), expected))
                self.assertEqual(model.pages(), addresses, "tensors stay where they were")
                model.write()
                self.assertTrue(torch.equal(sibling.answer(self.x), expected))
                if addresses:
                    self.assertFalse(torch.equal(model.answer(self.x), expected))
        wait_until_shared(marker)


if __name__ == "__main__":
    unittest.main()
