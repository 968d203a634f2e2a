"""Models in use beside each other: splits, shadows, and calls that are recorded and replayed.

Run: PYTHONPATH=build/dev/python:tests/support python3 -B tests/python/traffic_test.py
"""

import os
import signal
import subprocess
import sys
import threading
import unittest

import torch

import hubcell as hub
import support

DEADLINE_S = 60
HUBCONF = '''
import os, signal, time
import torch

class Net(torch.nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale
        self.layer = torch.nn.Linear(4, 2)

    def forward(self, x, gate=None):
        while gate and self.scale == 2 and not os.path.exists(gate):
            time.sleep(0.002)
        return {"out": x * self.scale}

    def name(self, user): return self.scale
    def noise(self): return torch.rand(3) * self.scale
    def part(self): return self.layer
    def refuse(self):
        if self.scale == 2: raise ValueError("not today")
        return 1
    def die(self):
        if self.scale == 2: os.kill(os.getpid(), signal.SIGKILL)
        return 1
    def raises(self): raise (KeyError if self.scale == 3 else ValueError)("never")

def net(scale=1): return Net(scale)
'''
# In a process of its own: the sides of some keys, by a split whose dict has the other order.
SIDES = '''
import sys
import torch
import hubcell as hub
a, b = (hub.load(sys.argv[1], "net", scale, source="local") for scale in (1, 2))
by_user = hub.split({b: 2, a: 2}, key=lambda user: user, labels=["b", "a"])
by_content = hub.split({b: 1, a: 1}, labels=["b", "a"])
print([by_user.name(f"user {i}") for i in range(40)])
print([by_content(torch.full((2,), float(i)))["out"].sum().item() / max(2 * i, 1) for i in range(40)])
'''

class TrafficTest(support.RepositoryTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.path, cls.other_path = (cls.repository(name, hubconf=HUBCONF) for name in ("net", "other"))
        cls.a, cls.b = cls.load(1), cls.load_other(2)
        cls.x = torch.arange(4.0)

    @classmethod
    def load(cls, scale):
        return hub.load(cls.path, "net", scale, source="local")

    @classmethod
    def load_other(cls, scale):
        """In a worker of its own."""
        return hub.load(cls.other_path, "net", scale, source="local")

    def file(self):
        return os.path.join(self.folder, self.id() + ".safetensors")

    def gate(self):
        """A file that the workers see once it is there."""
        return os.path.join(self.other_path, self.id())

    # ---- splits

    def test_a_split_is_the_same_in_every_process_and_order(self):
        by_user = hub.split({self.a: 1, self.b: 1}, key=lambda user: user, labels=["a", "b"])
        by_content = hub.split({self.a: 0.5, self.b: 0.5}, labels=["a", "b"])
        users = [by_user.name(f"user {i}") for i in range(40)]
        contents = [by_content(torch.full((2,), float(i)))["out"].sum().item() / max(2 * i, 1) for i in range(40)]
        self.assertEqual(by_user.counts, {"a": users.count(1), "b": users.count(2)})
        self.assertTrue(10 < users.count(1) < 30 and 10 < contents.count(1.0) < 30, (users, contents))
        other = subprocess.run([sys.executable, "-B", "-c", SIDES, self.path], stdout=subprocess.PIPE, text=True, check=True)
        self.assertEqual(other.stdout, f"{users}\n{contents}\n")

    def test_a_split_goes_where_a_model_goes(self):
        split = hub.split({self.a: 0, self.b: 3})
        x = self.x.clone().requires_grad_()
        torch.nn.Sequential(split)(x)["out"].sum().backward()
        self.assertEqual(x.grad.tolist(), [2.0] * 4)
        self.assertEqual(split.forward(self.x)["out"].tolist(), [0, 2, 4, 6])
        split.train()
        self.assertTrue(self.a.training and self.b.training)
        split.eval()
        self.assertFalse(self.a.training or self.b.training)
        self.assertEqual(len(dict(split.named_parameters())), 4)
        with self.assertRaisesRegex(AttributeError, "scale"):
            split.scale

    def test_a_split_refuses_what_cannot_be(self):
        for weights in ((-1, 2), (float("nan"), 1), (float("inf"), 1), (0, 0)):
            with self.assertRaisesRegex(ValueError, "weight"):
                hub.split(dict(zip((self.a, self.b), weights)))
        with self.assertRaisesRegex(ValueError, "label"):
            hub.split({self.a: 1, self.b: 1}, labels=["a"])
        with self.assertRaisesRegex(ValueError, "'a'"):
            hub.split({self.a: 1, self.b: 1}, labels=["a", "a"])
        with self.assertRaises(ValueError):
            hub.split({})
        with self.assertRaisesRegex(TypeError, "float"):
            hub.split({self.a: 1}, key=lambda x: 0.5)(self.x)

    # ---- shadows

    def test_nobody_waits_for_a_shadow_that_hangs(self):
        gate = self.gate()
        shadow = hub.shadow(self.a, self.b, in_flight_max=2)
        for _ in range(5):
            self.assertEqual(shadow(self.x, gate=gate)["out"].tolist(), [0, 1, 2, 3])
        seen = shadow.statistics
        self.assertEqual((seen["calls"], seen["dropped"], seen["in_flight"], seen["compared"]), (5, 3, 2, 0))
        self.assertFalse(shadow.wait(0))
        open(gate, "w").close()
        self.assertTrue(shadow.wait(DEADLINE_S))
        self.assertEqual(shadow.statistics["differing"], 2)

    def test_a_shadow_compares_what_there_was_at_the_time(self):
        gate, told = self.gate(), []
        shadow = hub.shadow(self.a, self.b, told.append)
        x = self.x.clone().requires_grad_()
        answer = shadow(x, gate=gate)["out"]
        with torch.no_grad():
            x.zero_()
            answer.zero_()
        open(gate, "w").close()
        self.assertTrue(shadow.wait(DEADLINE_S))
        self.assertEqual(len(told), 1)
        call = told[0]
        self.assertEqual([value.tolist() for value in (call.args[0], call.answer["out"], call.other["out"])],
                         [[0, 1, 2, 3], [0, 1, 2, 3], [0, 2, 4, 6]])
        self.assertEqual((call.difference.max_abs, call.difference.within, call.kwargs), (3.0, False, {"gate": gate}))
        self.assertEqual([tensor["path"] for tensor in call.difference.tensors], ["['out']"])
        last = shadow.statistics["last"]
        self.assertEqual([(entry["number"], entry["arguments"]) for entry in last], [(0, "a tensor float32 [4], gate a str")])

    def test_errors_and_the_death_of_a_shadow_are_its_own(self):
        told = []
        shadow = hub.shadow(self.a, self.load_other(2), told.append)
        for method in (shadow.refuse, shadow.die, shadow.refuse):
            self.assertEqual(method(), 1)
            self.assertTrue(shadow.wait(DEADLINE_S))
        with self.assertRaises(ValueError):
            shadow.raises()
        self.assertIn("Linear", repr(shadow.part()))
        self.assertTrue(shadow.wait(DEADLINE_S))
        seen = shadow.statistics
        self.assertEqual((seen["calls"], seen["failed_a"], seen["failed_b"], seen["equal"]), (5, 1, 3, 1))
        self.assertEqual([call.error[0] for call in told], ["ValueError", "WorkerDied", "ValueError"])

    def test_a_shadow_draws_what_the_model_drew_and_the_caller_notices_nothing(self):
        shadow = hub.shadow(self.a, self.load_other(1))
        torch.manual_seed(7)
        expected = [self.a.noise().tolist() for _ in range(3)]
        torch.manual_seed(7)
        self.assertEqual([shadow.noise().tolist() for _ in range(3)], expected)
        self.assertTrue(shadow.wait(DEADLINE_S))
        self.assertEqual(shadow.statistics["equal"], 3)

    def test_a_callback_that_raises_is_logged_once(self):
        def fail(call):
            raise RuntimeError("the pager is broken")

        shadow = hub.shadow(self.a, self.b, fail)
        with self.assertLogs("hubcell", "WARNING") as logged:
            for _ in range(3):
                shadow.name("x")
            self.assertTrue(shadow.wait(DEADLINE_S))
        self.assertEqual((len(logged.records), shadow.statistics["callback_errors"]), (1, 3))

    def test_a_shadow_that_is_let_go_of_ends(self):
        gate = self.gate()
        hub.shadow(self.a, self.b)(self.x, gate=gate)
        open(gate, "w").close()

    def test_a_shadow_has_a_worker_of_its_own(self):
        with self.assertRaisesRegex(ValueError, "one worker"):
            hub.shadow(self.a, self.load(2))
        with self.assertRaises(TypeError):
            hub.shadow(self.a, lambda x: x)

    # ---- recordings

    def test_a_recording_is_replayed_on_another_branch(self):
        path = self.file()
        with hub.record(self.a, path) as recorded:
            recorded(self.x)
            recorded.noise()
            with self.assertRaises(ValueError):
                recorded.raises()
        recorded(self.x)  # closed: a model like any other
        recording = hub.Recording(path)
        self.assertEqual([(call.method, call.error and call.error[0]) for call in recording],
                         [("", None), ("noise", None), ("raises", "ValueError")])
        self.assertEqual(recording[0].answer["out"].tolist(), self.x.tolist())
        self.assertEqual((recording.description["repo"], recording.tail_bytes), (self.path, 0))
        torch.manual_seed(1)
        before = torch.get_rng_state()
        same = hub.replay(recording, self.a)
        self.assertEqual((same.equal, same.failed, same.max_abs), (3, 0, 0.0))
        self.assertTrue(torch.equal(before, torch.get_rng_state()))
        branch = self.repository("branch", hubconf=HUBCONF.replace("x * self.scale", "x * self.scale + 0.25"))
        changed = hub.replay(path, hub.load(branch, "net", 3, source="local"))
        self.assertEqual([call.method for call in changed.differing()], ["", "noise", "raises"])
        self.assertEqual(changed.calls[0].difference.max_abs, 2 * 3 + 0.25)
        self.assertEqual(changed.calls[2].error[0], "KeyError")
        self.assertEqual(str(hub.replay(path, self.a, calls_max=1)),
                         "1 calls: 1 equal, 1 within the tolerance, 0 not, of which 0 failed; max_abs 0")

    def test_what_cannot_be_written_is_said_once_and_the_model_goes_on(self):
        path = self.file()
        recorded = hub.record(self.a, path, calls_max=1)
        with self.assertLogs("hubcell", "WARNING") as logged:
            for _ in range(2):
                self.assertIn("Linear", repr(recorded.part()))
        self.assertEqual((len(logged.records), recorded.counts["skipped"]), (1, 2))
        with self.assertLogs("hubcell", "WARNING") as logged:
            for _ in range(3):
                self.assertEqual(recorded.name("x"), 1)
        self.assertEqual((len(logged.records), recorded.counts["calls"], len(hub.Recording(path))), (1, 1, 1))
        with self.assertRaisesRegex(hub.Error, "overwrite"):
            hub.record(self.a, path)

    def test_threads_record_into_one_file(self):
        recorded = hub.record(self.a, self.file())
        threads = [threading.Thread(target=lambda: [recorded(self.x + i) for i in range(10)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        calls = hub.Recording(self.file())
        self.assertEqual(len(calls), 40)
        self.assertTrue(all(torch.equal(call.args[0], call.answer["out"]) for call in calls))

    def record_for_ever(self, path, said):
        """In a forked child: records calls until it is killed, and says after each."""
        recorded = hub.record(self.load(1), path)
        while True:
            recorded(torch.full((1000,), float(recorded.counts["calls"])))
            os.write(said, b".")

    def test_a_program_that_is_killed_leaves_its_calls(self):
        path, (heard, said) = self.file(), os.pipe()
        child = os.fork()
        if child == 0:
            try:
                self.record_for_ever(path, said)
            finally:
                os._exit(1)
        os.close(said)
        with open(heard, "rb") as calls:
            written = len(calls.read(20))
            os.kill(child, signal.SIGKILL)
            written += len(calls.read())
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), -signal.SIGKILL)
        recording = hub.Recording(path)
        self.assertGreaterEqual(len(recording), written)
        self.assertGreaterEqual(written, 20)
        self.assertTrue(all(call.answer["out"].tolist() == [call.number] * 1000 for call in recording))
        self.assertEqual(hub.replay(path, self.a).equal, len(recording))

    def test_a_file_that_is_no_recording_is_refused(self):
        path = self.file()
        with open(path, "wb") as file:
            file.write(b"\x10\0\0\0\0\0\0\0{\"a\":1}")
        with self.assertRaisesRegex(hub.Error, "^read .*safetensors: "):
            hub.Recording(path)


if __name__ == "__main__":
    unittest.main()
