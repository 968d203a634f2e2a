"""The package in a program of its own: threads, asyncio, fork, signals, pickling, and its end.

Run: PYTHONPATH=build/dev/python python3 tests/python/package_test.py
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

    def test_the_memory_of_an_argument_is_the_callers_again(self):
        model = self.load()
        x = torch.ones(2, 4)
        first = model(x)
        x.zero_()
        self.assertFalse(torch.equal(model(x), first))


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
                ended = subprocess.run([sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM + last_words, path],
                                       capture_output=True, text=True, timeout=60, check=False)
                self.assertEqual((ended.returncode, ended.stderr), (0, ""))
                self.assertTrue(self.ends(int(ended.stdout.split()[0])), "the worker is left")

    def ends(self, pid):
        for _ in range(1000):
            if not os.path.exists(f"/proc/{pid}"):
                return True
            time.sleep(0.01)
        return False


if __name__ == "__main__":
    unittest.main()
