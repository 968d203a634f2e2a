"""Replicas: several workers with one model's weights, of which any may serve a call, and which nobody can tell apart.

Run: PYTHONPATH=build/dev/python:tests/support:tools/soaking python3 -B tests/python/replicas_test.py
"""

import contextlib
import os
import pickle
import shutil
import signal
import tempfile
import threading
import time
import unittest

import torch

import hubcell

from support import make_git_repository, write_files

DEADLINE_S = 60
HUBCONF = '''
import os, random, time
import numpy
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(300, 300)
        self.offset = torch.nn.Parameter(torch.tensor([random.random(), numpy.random.rand()]))
        self.conf = 0.5

    def forward(self, x, gate=None):
        while gate:
            if os.path.exists(gate):
                return x
            time.sleep(0.002)
        return torch.nn.functional.dropout(x, 0.5, self.training) * self.offset.sum()

    def seen(self):
        return [os.getpid(), self.training, self.conf, str(self.layer.weight.dtype), float(self.layer.weight[0, 0])]

    def part(self):
        return self.layer

def net():
    return Net()

class Helper:
    def __init__(self, net):
        self.net = net
    def is_of(self, net):
        return net is self.net, os.getpid()

def pair():
    net = Net()
    return net, (Helper(net), 7)

def failing():
    raise ValueError("not today")

def endless():
    while True:
        time.sleep(0.01)

VERSION = 1

def version():
    net = Net()
    net.version = VERSION
    return net
'''


def wait_until(holds):
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.01)
    return False


class Replicas(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="hubcell-test-")
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        cls.folder = write_files(os.path.join(cls.root, "own"), {"hubconf.py": HUBCONF})
        cls.gates = 0
        cls.shared = hubcell.Hub(replicas=2, stateless=True, allow_read=[cls.root])
        cls.addClassCleanup(cls.shared.close)

    def hub(self, replicas=2, **options):
        hub = hubcell.Hub(replicas=replicas, stateless=True, allow_read=[self.root], **options)
        self.addCleanup(hub.close)
        return hub

    def load(self, entry="net", hub=None):
        return (hub or self.shared).load(self.folder, entry, source="local")

    @contextlib.contextmanager
    def busy(self, net):
        """The replica that is next is busy in the block."""
        Replicas.gates += 1
        gate = os.path.join(self.root, f"gate{Replicas.gates}")
        with torch.no_grad():
            held = hubcell.call_async(net, torch.zeros(1), gate)
        try:
            yield held
        finally:
            with open(gate, "w", encoding="utf-8"):
                pass
        if not held.exception(DEADLINE_S):
            held.result()

    def each(self, net, look):
        """What `look` sees in the first replica, and in the second."""
        first = look()
        with self.busy(net):
            return first, look()

    def test_without_stateless_it_is_refused(self):
        with self.assertRaisesRegex(ValueError, "replicas=2: .*say stateless=True if it does not"):
            hubcell.Hub(replicas=2)
        for wrong in (0, -1, 65, 1.5, True):
            with self.assertRaisesRegex(ValueError, "from 1 to 64 may be"):
                hubcell.Hub(replicas=wrong, stateless=True)

    def test_calls_that_overlap_go_to_different_replicas(self):
        net = self.load()
        pids = hubcell.info(net)["pids"]
        self.assertEqual(len(set(pids)), 2)
        self.assertEqual([seen[0] for seen in self.each(net, lambda: net.seen())], pids)

    def test_random_weights_are_equal(self):
        for hub in (self.shared, self.hub(rng=False)):
            for _ in range(2):
                net = self.load(hub=hub)
                one, other = self.each(net, net.state_dict)
                for name, tensor in one.items():
                    self.assertTrue(torch.equal(tensor, other[name]), name)
        with torch.no_grad():
            drawn = self.each(net, lambda: net(torch.ones(64)))
        self.assertFalse(torch.equal(*drawn), "without the program's states each draws its own numbers")

    def test_numbers_are_those_of_one_worker(self):
        def draw(net):
            torch.manual_seed(5)
            drawn = [net(torch.ones(8)), torch.rand(1), net(torch.ones(8)), net(torch.ones(8))]
            return [*drawn, torch.rand(1)]

        def draw_in_turns(net):
            torch.manual_seed(5)
            drawn = [net(torch.ones(8)), torch.rand(1)]
            with self.busy(net):
                drawn.append(net(torch.ones(8)))
            return [*drawn, net(torch.ones(8)), torch.rand(1)]

        torch.manual_seed(1)
        net, after = self.load(), torch.rand(1)
        torch.manual_seed(1)
        alone, after_alone = self.load(hub=self.hub(replicas=1)), torch.rand(1)
        self.assertTrue(torch.equal(net.state_dict()["layer.weight"], alone.state_dict()["layer.weight"]))
        self.assertTrue(torch.equal(after, after_alone), "a load moves the program's generator once")
        with torch.no_grad():
            expected = draw(alone)
            for seen in (draw(net), draw_in_turns(net)):
                scale = alone.offset.sum() / net.offset.sum()
                self.assertTrue(torch.allclose(torch.cat([*seen[:1], *seen[2:4]]) * scale, torch.cat([*expected[:1], *expected[2:4]])))
                self.assertTrue(torch.equal(torch.cat([seen[1], seen[4]]), torch.cat([expected[1], expected[4]])))

    def test_a_change_reaches_all(self):
        net = self.load()
        net.eval()
        net.conf = 0.25
        net.double()
        weights = {name: torch.nn.Parameter(torch.full_like(value, 0.125)) for name, value in net.state_dict().items()}
        net.load_state_dict(weights)
        for seen in self.each(net, lambda: net.seen()):
            self.assertEqual(seen[1:], [False, 0.25, "torch.float64", 0.125])

    def test_changes_from_many_threads_leave_them_alike(self):
        net = self.load()
        threads = [threading.Thread(target=lambda mode=mode: [net.train(mode) for _ in range(20)]) for mode in (True, False)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_S)
        one, other = self.each(net, lambda: net.seen())
        self.assertEqual(one[1], other[1])

    def test_what_would_change_one_is_refused(self):
        net = self.load()
        for change in (lambda: net.part().eval(), lambda: net.register_buffer("more", torch.ones(1)),
                       lambda: next(net.parameters()).requires_grad_(False), lambda: next(net.parameters()).grad):
            with self.assertRaisesRegex(hubcell.Error, "with replicas"):
                change()

    def test_a_death_costs_its_own_calls_and_no_others(self):
        net = self.load()
        net.eval()
        pids, stop, errors, answers = hubcell.info(net)["pids"], threading.Event(), [], [0]

        def call():
            while not stop.is_set():
                try:
                    net(torch.ones(8))
                    answers[0] += 1
                except hubcell.Error as error:
                    errors.append(error)

        with self.busy(net) as held:
            caller = threading.Thread(target=call)
            caller.start()
            self.assertTrue(wait_until(lambda: answers[0] > 5))
            os.kill(pids[0], signal.SIGKILL)
            self.assertIsInstance(held.exception(DEADLINE_S), hubcell.WorkerDied)
            before = answers[0]
            self.assertTrue(wait_until(lambda: answers[0] > before + 5))
        stop.set()
        caller.join(DEADLINE_S)
        self.assertEqual(errors, [])
        with self.busy(net):
            seen = net.seen()
        self.assertNotIn(seen[0], pids)
        self.assertFalse(seen[1], "the mode is as it was")
        self.assertEqual(sorted(hubcell.info(net)["pids"]), sorted((seen[0], pids[1])))

    def test_handles_of_the_load_are_in_all(self):
        net, (helper, seven) = self.load("pair")
        self.assertEqual(seven, 7)
        seen = self.each(net, lambda: helper.is_of(net))
        self.assertEqual([is_it for is_it, _ in seen], [True, True])
        self.assertEqual([pid for _, pid in seen], hubcell.info(net)["pids"])
        hashes = []
        with self.busy(net):
            thread = threading.Thread(target=lambda: hashes.append(hash(helper)))
            thread.start()
        thread.join(DEADLINE_S)
        self.assertEqual(hashes, [hash(helper)], "it waits for the first replica, whose it is")

    def test_gradients_come_from_where_the_answer_did(self):
        net = self.load()
        net.eval()
        with torch.no_grad():
            factor = float(net(torch.ones(1)))
        inputs = [torch.ones(3, requires_grad=True) for _ in range(2)]
        first = net(inputs[0])
        with self.busy(net):
            second = net(inputs[1])
        (2 * second.sum()).backward()
        first.sum().backward()
        for tensor, times in zip(inputs, (1, 2)):
            self.assertTrue(torch.allclose(tensor.grad, torch.full((3,), times * factor)))

    def test_options_are_for_all(self):
        net = self.load()
        with hubcell.options(net, deadline=0.2), self.busy(net), self.assertRaises(hubcell.DeadlineExceeded):
            net(torch.ones(1), os.path.join(self.root, "never"))

    # Workers that hold weights of no other test.
    def test_info_and_shared_weights(self):
        net = self.load(hub=self.hub())
        info = hubcell.info(net)
        self.assertEqual((info["replicas"], len(info["pids"]), info["pids"][0]), (2, 2, info["pid"]))
        self.assertTrue(wait_until(lambda: hubcell.info(net)["common_weights_bytes"] >= 4 * 300 * 300), "equal weights are there once")
        self.assertEqual(hubcell.info(net.part())["replicas"], 1)

    def test_an_entrypoint_that_fails_fails_once(self):
        with self.assertRaisesRegex(ValueError, "not today"):
            self.load("failing")
        hub = self.hub(deadline=0.5)
        with self.assertRaises(hubcell.DeadlineExceeded):
            self.load("endless", hub)
        self.assertEqual(len(set(hubcell.info(self.load("net", hub))["pids"])), 2, "both were interrupted")

    def test_a_pickled_model_has_replicas_too(self):
        net = self.load()
        self.assertEqual(hubcell.info(pickle.loads(pickle.dumps(net)))["replicas"], 2)

    def test_all_are_of_one_commit(self):
        base = os.path.join(self.root, "remote")
        os.makedirs(os.path.join(base, "owner"))
        environment = {"HUBCELL_GITHUB_URL": f"file://{base}", "TORCH_HOME": os.path.join(self.root, "home")}
        for name, value in environment.items():
            os.environ[name] = value
            self.addCleanup(os.environ.pop, name, None)
        make_git_repository(base, "owner/net", {"main": {"hubconf.py": HUBCONF}})
        hub = self.hub()
        old = hub.load("owner/net:main", "version", trust_repo=True)
        shutil.rmtree(os.path.join(base, "owner/net.git"))
        make_git_repository(base, "owner/net", {"main": {"hubconf.py": HUBCONF.replace("VERSION = 1", "VERSION = 2")}})
        new = hub.load("owner/net:main", "version", trust_repo=True, force_reload=True)
        self.assertEqual(self.each(new, lambda: new.version), (2, 2))
        with self.busy(old):
            pid = old.seen()[0]
            os.kill(pid, signal.SIGKILL)
            self.assertTrue(wait_until(lambda: not os.path.exists(f"/proc/{pid}")))
            self.assertNotEqual(old.seen()[0], pid, "its end was nobody's error")
            self.assertEqual(old.version, 1, "what is loaded again is what it was")


if __name__ == "__main__":
    unittest.main()
