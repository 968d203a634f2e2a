"""What becomes of a model whose worker dies: one error, and then the same model again.

Run: PYTHONPATH=build/dev/python:tests/support:tools/soaking python3 -B tests/python/recovery_test.py
"""

import os
import shutil
import signal
import tempfile
import threading
import time
import unittest

import torch

import hubcell
import leftovers

from support import make_git_repository, write_files

HUBCONF = '''
import os, random, signal, sys, time
import torch

class Net(torch.nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)
        self.scale = scale
        self.conf = 0.5
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return self.layer(x) * self.scale

    def state(self):
        return [self.training, self.conf, self.calls, str(self.layer.weight.dtype), self.layer.weight.requires_grad]

    def end(self, number=signal.SIGKILL):
        print("about to end", flush=True)
        os.kill(os.getpid(), number)

    def exit(self, code):
        os._exit(code)

    def sleep(self, seconds):
        time.sleep(seconds)
        return seconds

    def does_not_listen(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                time.sleep(1)
            except BaseException:
                pass

    def pid(self):
        return os.getpid()

    def part(self):
        return self.layer

def net(scale=1.0):
    return Net(scale)

class Helper:
    def __init__(self, net):
        self.net = net
    def apply(self, net, x):
        return net(x)

def pair(scale=1.0):
    net = Net(scale)
    return net, (Helper(net), 7)

def crashing(path):
    """Ends its process in each load but the first."""
    if os.path.exists(path):
        os._exit(3)
    return Net(1.0)

def changing(path):
    """Returns something else in each load but the first."""
    return [Net(1.0) for _ in range(2 if os.path.exists(path) else 1)]
'''


class Recovery(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="hubcell-test-")
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        self.folder = write_files(os.path.join(self.root, "own"), {"hubconf.py": HUBCONF})
        self.hub = hubcell.Hub()
        self.addCleanup(self.hub.close)

    def load(self, entry="net", *args, **kwargs):
        return self.hub.load(self.folder, entry, *args, source="local", **kwargs)

    def end(self, model, number=signal.SIGKILL):
        """Its worker dies in a call, and that is told."""
        with self.assertRaises(hubcell.WorkerDied) as raised:
            model.end(int(number))
        return raised.exception

    def test_a_death_is_told_once_and_then_it_answers_as_before(self):
        torch.manual_seed(3)
        net = self.load("net", 2.0)
        x = torch.ones(1, 2)
        before, pid = net(x), net.pid()
        told = self.end(net)
        self.assertRegex(str(told), "call Net.end of .*own: the worker was killed by SIGKILL.*its last line: about to end")
        self.assertTrue(torch.equal(net(x), before))
        self.assertNotEqual(net.pid(), pid)

    def test_a_death_between_calls_is_told_by_the_next(self):
        net = self.load()
        os.kill(net.pid(), signal.SIGKILL)
        with self.assertRaisesRegex(hubcell.WorkerDied, "call .*Net of .*: the worker was killed by SIGKILL"):
            net(torch.ones(1, 2))
        self.assertEqual(net(torch.ones(1, 2)).shape, (1, 2))

    def test_all_calls_in_flight_are_told_and_no_other(self):
        net = self.load()
        sleep, pid = net.sleep, net.pid()
        sleeping = [hubcell.call_async(sleep, 60) for _ in range(5)]
        os.kill(pid, signal.SIGKILL)
        for call in sleeping:
            self.assertIsInstance(call.exception(timeout=20), hubcell.WorkerDied)
        self.assertEqual(net(torch.ones(1, 2)).shape, (1, 2))

    def test_what_was_changed_is_changed_again_in_its_order(self):
        net = self.load()
        net.eval()
        net.conf = 0.1
        net.conf = 0.25
        net.half()
        net.double()
        net.requires_grad_(False)
        weights = {name: torch.full_like(value, 0.5) for name, value in net.state_dict().items()}
        net.load_state_dict(weights)
        before = net.state()
        self.end(net)
        self.assertEqual(net.state(), before)
        self.assertTrue(torch.equal(net.state_dict()["layer.weight"], weights["layer.weight"]))
        self.assertFalse(net.training)

    def test_all_that_the_load_returned_comes_back(self):
        net, (helper, seven) = self.load("pair", 3.0)
        x = torch.ones(1, 2)
        before = net(x)
        self.end(net)
        self.assertTrue(torch.equal(helper.apply(net, x), before))
        self.assertTrue(torch.equal(helper.net(x), before))

    def test_another_model_of_the_worker_comes_back_too(self):
        first, second = self.load("net", 1.0), self.load("pair", 2.0)[0]
        x = torch.ones(1, 2)
        before = second(x)
        self.end(first)
        self.assertTrue(torch.equal(second(x), before))
        self.assertEqual(first.pid(), second.pid())

    def test_what_a_call_returned_is_stale(self):
        net = self.load()
        part = net.part()
        self.end(net)
        with self.assertRaisesRegex(hubcell.StaleHandle, "own: a call returned it, and its worker has died since"):
            part(torch.ones(1, 2))
        self.assertEqual(net.part()(torch.ones(1, 2)).shape, (1, 2))

    def test_a_deadline_that_kills_is_how_the_death_is_told(self):
        net = self.load()
        with hubcell.options(net, deadline=0.3), self.assertRaisesRegex(hubcell.DeadlineExceeded, "its worker was killed"):
            net.does_not_listen(60)
        self.assertEqual(net.sleep(0), 0)

    def test_many_threads_meet_one_model(self):
        net = self.load()
        self.end(net)
        pids, threads = [], []
        for _ in range(8):
            threads.append(threading.Thread(target=lambda: pids.append(net.pid())))
            threads[-1].start()
        for thread in threads:
            thread.join(30)
        self.assertEqual(len(pids), 8)
        self.assertEqual(len(set(pids)), 1)

    def test_a_crash_loop_backs_off_and_stops(self):
        flag = os.path.join(self.root, "flag")
        self.hub = hubcell.Hub(allow_read=[self.root])
        self.addCleanup(self.hub.close)
        net = self.load("crashing", flag)
        self.end(net)
        with open(flag, "w", encoding="utf-8"):
            pass
        times = []
        for _ in range(5):
            began = time.monotonic()
            with self.assertRaisesRegex(hubcell.WorkerDied, "loaded again after its worker had died.*exited with code 3"):
                net(torch.ones(1, 2))
            times.append(time.monotonic() - began)
        self.assertGreater(times[-1], 4)
        with self.assertRaisesRegex(hubcell.WorkerDied, "died 5 times without an answer in between.*exited with code 3"):
            net(torch.ones(1, 2))

    def test_a_load_that_returns_something_else(self):
        flag = os.path.join(self.root, "flag")
        self.hub = hubcell.Hub(allow_read=[self.root])
        self.addCleanup(self.hub.close)
        nets = self.load("changing", flag)
        self.end(nets[0])
        with open(flag, "w", encoding="utf-8"):
            pass
        with self.assertRaisesRegex(hubcell.StaleHandle, "returned 1 objects before, and 2 now"):
            nets[0](torch.ones(1, 2))

    def test_the_same_commit_comes_back(self):
        base = os.path.join(self.root, "remote")
        os.makedirs(os.path.join(base, "owner"))
        self.addCleanup(os.environ.pop, "HUBCELL_GITHUB_URL", None)
        os.environ["HUBCELL_GITHUB_URL"] = f"file://{base}"
        make_git_repository(base, "owner/net", {"main": {"hubconf.py": HUBCONF}})
        os.environ["TORCH_HOME"] = os.path.join(self.root, "home")
        self.addCleanup(os.environ.pop, "TORCH_HOME", None)
        self.hub = hubcell.Hub()
        self.addCleanup(self.hub.close)
        net = self.hub.load("owner/net:main", "net", trust_repo=True)
        commit = hubcell.info(net)["commit"]
        self.end(net)
        net(torch.ones(1, 2))
        self.assertEqual(hubcell.info(net)["commit"], commit)

    def test_a_supervisor_that_dies_is_replaced(self):
        net = self.load("net", 2.0)
        x = torch.ones(1, 2)
        before = net(x)
        supervisor = leftovers.Supervisor(net.pid())
        os.kill(supervisor.pid, signal.SIGKILL)
        with self.assertRaisesRegex(hubcell.WorkerDied, "ended with its supervisor"):
            for _ in range(1000):
                net.sleep(0.01)
        self.assertTrue(torch.equal(net(x), before))
        self.assertNotEqual(leftovers.Supervisor(net.pid()).pid, supervisor.pid)
        self.assertTrue(torch.equal(self.load("net", 2.0)(x) * 0, x @ torch.zeros(2, 2)))
        # Nothing was in flight: who asks next is told, and the one after is served.
        os.kill(leftovers.Supervisor(net.pid()).pid, signal.SIGKILL)
        time.sleep(0.5)
        other = write_files(os.path.join(self.root, "other"), {"hubconf.py": HUBCONF})
        with self.assertRaisesRegex(hubcell.Error, "the supervisor: it has ended"):
            self.hub.load(other, "net", source="local")
        self.assertEqual(self.hub.load(other, "net", source="local").sleep(0), 0)

    def test_a_hub_that_was_closed_brings_nothing_back(self):
        net = self.load()
        self.end(net)
        self.hub.close()
        with self.assertRaisesRegex(hubcell.StaleHandle, "its Hub was closed"):
            net(torch.ones(1, 2))


if __name__ == "__main__":
    unittest.main()
