"""The package in a program of its own: threads, asyncio, fork, signals, pickling, and its end.

Run: PYTHONPATH=build/dev/python:tests/support python3 tests/python/package_test.py
"""

import asyncio
import concurrent.futures
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import unittest

import PIL.Image
import torch

import hubcell as hub
import support

HUBCONF = '''
    import os, signal, time
    import torch

    class Net(torch.nn.Module):
        def __init__(self, width):
            super().__init__()
            self.fc = torch.nn.Linear(4, width)
            self.conf = 0.5

        def forward(self, x):
            """Applies it."""
            return self.fc(x)

        def nap(self, seconds): time.sleep(seconds)
        def die(self): os.kill(os.getpid(), signal.SIGKILL)
        def leave(self): os._exit(3)
        def read(self, path): return open(path).read()
        def turn(self, image): return image.transpose(2), image.mode
        def add_one(self, x): return x.add_(1).sum()
        def keep(self, x): self.kept = x
        def kept_sum(self): return self.kept.sum()

    def net(width=2): return Net(width)
    def pair(): return Net(2), {"nets": [Net(3)]}
'''


class Squares(torch.utils.data.Dataset):
    """What a DataLoader's processes unpickle together with the model."""

    def __init__(self, model):
        self.model = model

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.model(torch.full((4,), float(index)))


class PackageTest(support.RepositoryTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.path = cls.repository("net", hubconf=HUBCONF)
        cls.x = torch.arange(8.0).view(2, 4)

    def load(self, entry="net", *args):
        return hub.load(self.path, entry, *args, source="local")

    # ---- many calls

    def test_many_threads_call_one_model(self):
        model = self.load()
        expected = model(self.x)
        with concurrent.futures.ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(lambda _: model(self.x), range(200)))
        self.assertTrue(all(torch.equal(answer, expected) for answer in answers))

    def test_more_calls_than_there_are_slots_are_in_flight(self):
        model = self.load()
        futures = [hub.call_async(model, self.x) for _ in range(200)]
        self.assertEqual({future.result(timeout=60).shape for future in futures}, {(2, 2)})
        self.assertTrue(all(future.done() for future in concurrent.futures.as_completed(futures)))

    def test_futures_can_be_awaited(self):
        model = self.load()

        async def gather():
            return await asyncio.gather(*(hub.call_async(model, self.x) for _ in range(10)))

        self.assertEqual(len(asyncio.run(gather())), 10)

    def test_a_call_that_runs_can_be_cancelled(self):
        model = self.load()
        future = hub.call_async(model.nap, 60)
        while not future.running():
            time.sleep(0.01)
        self.assertTrue(future.cancel())
        self.assertTrue(future.cancelled())
        self.assertIsNone(model.nap(0))

    def test_a_future_carries_the_exception(self):
        future = hub.call_async(self.load(), "no tensor")
        self.assertIsInstance(future.exception(timeout=60), TypeError)

    # ---- ends

    def test_a_deadline_is_a_timeout(self):
        model = self.load()
        with hub.options(model, deadline=0.3), self.assertRaises(TimeoutError) as raised:
            model.nap(60)
        self.assertIsInstance(raised.exception, hub.DeadlineExceeded)
        self.assertIsNone(model.nap(0))

    def test_an_interrupt_ends_a_call_and_leaves_the_session(self):
        model = self.load()
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with self.assertRaises(KeyboardInterrupt):
            model.nap(60)
        timer.join()
        self.assertIsNone(model.nap(0))

    def test_how_a_worker_died_is_told(self):
        with self.assertRaises(hub.WorkerDied) as raised:
            self.load().die()
        self.assertEqual((raised.exception.signal, raised.exception.exit_code), (signal.SIGKILL, None))
        with self.assertRaises(hub.WorkerDied) as raised:
            self.load().leave()
        self.assertEqual((raised.exception.signal, raised.exception.exit_code), (None, 3))
        self.assertEqual(self.load()(self.x).shape, (2, 2))

    def test_a_worker_is_described(self):
        model = self.load()
        info = hub.info(model)
        self.assertEqual((info["repo"], info["folder"], info["ref"]), (self.path, self.path, ""))
        self.assertTrue(0 < info["load_s"] < 60, info)
        self.assertGreater(info["private_bytes"], 1 << 20)
        self.assertGreater(info["shared_bytes"], 1 << 20)
        model.keep(torch.ones(4 << 20))
        self.assertEqual(model.kept_sum(), 4 << 20)  # it has seen all of it
        self.assertGreater(hub.info(model)["shared_bytes"], info["shared_bytes"] + (8 << 20))

    def test_errors_name_the_function(self):
        model = self.load()
        with self.assertRaisesRegex(hub.Error, "^call Net.forward of .*: TypeError: "):
            model.forward()
        with self.assertRaisesRegex(hub.Error, r"^call .*Net of .*: TypeError: "):
            model()

    def test_objects_of_a_closed_hub_are_stale(self):
        with hub.Hub() as session:
            model = session.load(self.path, "net", source="local")
        with self.assertRaisesRegex(hub.StaleHandle, "Hub was closed"):
            model(self.x)

    # ---- pickling and forks

    def test_a_pickled_handle_is_loaded_again(self):
        torch.manual_seed(3)
        model = self.load("net", 5).eval()
        model.conf = 0.25
        state = torch.get_rng_state()
        copy = pickle.loads(pickle.dumps(model))
        self.assertTrue(torch.equal(torch.get_rng_state(), state))
        self.assertEqual((copy.training, copy.conf), (False, 0.25))
        self.assertTrue(torch.equal(copy(self.x), model(self.x)))

    def test_a_part_of_what_a_load_returned_is_found_again(self):
        _, parts = self.load("pair")
        self.assertTrue(torch.equal(pickle.loads(pickle.dumps(parts["nets"][0]))(self.x), parts["nets"][0](self.x)))

    def test_what_no_load_returned_cannot_be_pickled(self):
        with self.assertRaisesRegex(hub.Error, "pickle a .*Linear: it lives in its worker"):
            pickle.dumps(self.load().fc)

    def test_the_processes_of_a_data_loader_load_their_own(self):
        model = self.load()
        data = torch.utils.data.DataLoader(Squares(model), num_workers=2, multiprocessing_context="spawn")
        expected = [model(torch.full((4,), float(index))) for index in range(4)]
        self.assertTrue(all(torch.equal(batch[0], one) for batch, one in zip(data, expected)))

    def test_a_forked_child_has_a_session_of_its_own(self):
        model = self.load()
        answer = model(self.x)
        child = os.fork()
        if child == 0:
            os._exit(self.outcome_in_child(model, answer))
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        del answer
        self.assertEqual(model(self.x).shape, (2, 2))

    def outcome_in_child(self, model, answer):
        try:
            model(self.x)
            return 1
        except hub.Error as refused:
            if "forked process" not in str(refused):
                return 2
        own = self.load()(self.x)
        return 0 if own.shape == answer.shape else 3

    # ---- arguments

    def test_what_cannot_be_sent_is_named(self):
        with self.assertRaisesRegex(TypeError, "argument x: a builtins.function cannot be sent"):
            self.load()(x=lambda: 1)
        with self.assertRaisesRegex(TypeError, "argument 1: a .*Linear cannot be sent"):
            self.load()(torch.nn.Linear(1, 1))

    def test_a_file_is_copied_to_the_worker(self):
        path = os.path.join(self.folder, "words.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write("hello")
        self.assertEqual(self.load().read(hub.File(path)), "hello")

    def test_images_go_there_and_come_back(self):
        image = PIL.Image.linear_gradient("L").resize((6, 4))
        for mode in ("L", "RGB", "P"):
            turned, name = self.load().turn(image.convert(mode))
            self.assertEqual((name, turned.size), (mode, (4, 6)))
            self.assertEqual(turned.tobytes(), image.convert(mode).transpose(2).tobytes())

    def test_an_empty_tensor_shares_its_memory_with_the_worker(self):
        model, other = self.load(), hub.load(self.repository("other", hubconf=HUBCONF), "net", source="local")
        x = hub.empty((2, 3, 4), torch.float32, model)
        self.assertEqual((x.shape, x.dtype), ((2, 3, 4), torch.float32))
        x.fill_(1)
        for _ in range(3):  # a block that is lent more than once
            self.assertEqual(model(x[:, 1]).shape, (2, 2))
        self.assertEqual(model.add_one(x), 48)
        self.assertEqual(x.sum(), 48, "the model's own write is not seen")
        self.assertEqual(other.add_one(x), 72)
        self.assertEqual(x.sum(), 48, "another worker wrote into it")
        model.keep(x.transpose(0, 2))
        x.fill_(3)
        self.assertEqual(model.kept_sum(), 72)
        del x  # what the worker keeps stays
        for _ in range(3):
            model(torch.zeros(2, 3, 4))
        self.assertEqual(model.kept_sum(), 72)

    def test_an_empty_tensor_is_for_what_was_loaded_last(self):
        with hub.Hub() as own:
            plain = own.empty([2], torch.int64)
            model = own.load(self.path, "net", source="local")
            self.assertEqual(model.add_one(plain.zero_()), 2)
            self.assertEqual(plain.sum(), 0)
            shared = own.empty(torch.Size([2]))
            self.assertEqual((shared.dtype, model.add_one(shared.zero_()), shared.sum()), (torch.float32, 2, 2))
            self.assertEqual(own.empty((0, 3), model=model).shape, (0, 3))
            with self.assertRaisesRegex(hub.Error, "an empty tensor of quint8"):
                own.empty((2,), torch.quint8)

    def test_the_memory_of_an_argument_is_the_callers_again(self):
        model = self.load()
        x = torch.ones(2, 4)
        first = model(x)
        x.zero_()
        self.assertFalse(torch.equal(model(x), first))


# What a program did and let go of is gone: descriptors, threads, mappings of shared memory and processes.
CYCLE = """
import gc, os, sys, time
import torch
import hubcell as hub

def use():
    with hub.Hub() as own:
        model = own.load(sys.argv[1], "net", source="local")
        x = torch.ones(2, 4, requires_grad=True)
        model(x).sum().backward()
        futures = [hub.call_async(model, x) for _ in range(4)]
        kept = [future.result().detach() for future in futures]
        shared = own.empty((100, 4), torch.float32)
        model.state_dict(), list(model.parameters()), model(shared.zero_())
        try:
            own.load(sys.argv[1], "absent", source="local")
        except RuntimeError:
            pass
        return hub.info(model)["pid"]

def held():
    with open("/proc/self/maps") as file:
        maps = file.read()
    return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task")), maps.count("memfd:")

pids = [use()]
end = time.monotonic() + 30
gc.collect()
while len(os.listdir("/proc/self/task")) > 1 and time.monotonic() < end: time.sleep(0.1)
first = held()
for _ in range(3):
    pids.append(use())
    gc.collect()
while held() != first and time.monotonic() < end: time.sleep(0.1)
assert held() == first, (held(), first)
while any(os.path.exists(f"/proc/{pid}") for pid in pids) and time.monotonic() < end: time.sleep(0.1)
assert not any(os.path.exists(f"/proc/{pid}") for pid in pids), pids
print("nothing is left")
"""
# Each ends in its own way; none may hang, and none may leave a process.
ENDS = {
    "ordinary": "",
    "a call in flight": "hub.call_async(model.nap, 60)",
    "an exception": "raise SystemExit(0)",
    "a thread that waits": "threading.Thread(target=lambda: model.nap(60), daemon=True).start(); time.sleep(0.2)",
    "a tensor that is kept": "kept = model(torch.ones(1, 4)); sys.kept = kept",
    "a Hub that was not closed": "sys.other = hub.Hub().load(sys.argv[1], 'net', source='local')",
}
PROGRAM = """
import sys, threading, time
import torch
import hubcell as hub
model = hub.load(sys.argv[1], "net", source="local")
print(hub.info(model)["pid"], flush=True)
"""


class EndTest(support.RepositoryTest):
    def test_a_program_leaves_nothing(self):
        path = self.repository("net", hubconf=HUBCONF)
        for name, last_words in ENDS.items():
            with self.subTest(name):
                ended = self.run_strictly(PROGRAM + last_words, path)
                self.assertEqual((ended.returncode, ended.stderr), (0, ""))
                self.assertTrue(self.ends(int(ended.stdout.split()[0])), "the worker is left")

    def test_a_program_that_goes_on_keeps_nothing(self):
        ran = self.run_strictly(CYCLE, self.repository("cycle", hubconf=HUBCONF))
        self.assertEqual((ran.stdout, ran.stderr, ran.returncode), ("nothing is left\n", "", 0))

    @staticmethod
    def run_strictly(program, *arguments):
        return subprocess.run([sys.executable, "-X", "dev", "-W", "error", "-c", program, *arguments],
                              capture_output=True, text=True, timeout=120, check=False)

    def ends(self, pid):
        for _ in range(1000):
            if not os.path.exists(f"/proc/{pid}"):
                return True
            time.sleep(0.01)
        return False


if __name__ == "__main__":
    unittest.main()
