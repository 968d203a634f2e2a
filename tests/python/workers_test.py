"""Where workers come from and what they are given: templates that retire, scratch folders, checkouts to be written.

Run: PYTHONPATH=build/dev/python:tests/support:tools/soaking python3 -B tests/python/workers_test.py
"""

import os
import shutil
import signal
import tempfile
import time
import unittest

import hubcell

import leftovers
from support import write_files

HUBCONF = '''
import os, signal
import torch

class Model:
    def template(self):
        return os.getppid()

    def layout(self):
        with open("/proc/self/maps") as lines:
            return [line.partition("-")[0] for line in lines if "libtorch_cpu" in line][0]

    def random(self):
        import random, numpy
        return random.random(), float(numpy.random.rand()), float(torch.rand(1))

    def starts_a_program(self):
        return starts_a_program()

    def end(self, number):
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

def model():
    return Model()

def here():
    return os.path.dirname(os.path.abspath(__file__))

def writes_beside_itself(name):
    with open(os.path.join(here(), "part", name), "a") as file:
        file.write("x")
        return file.tell()

def lists():
    return sorted(os.path.relpath(os.path.join(folder, name), here())
                  for folder, folders, files in os.walk(here()) for name in files + folders)

def threads():
    """How many torch has, and how the system calls of each of the process are filtered: 2 is by a program."""
    torch.rand(1000, 1000) @ torch.rand(1000, 1000)
    (torch.rand(1 << 22) + 1).sum()
    filters = []
    for thread in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{thread}/status") as lines:
            filters += [line.split()[1] for line in lines if line.startswith("Seccomp:")]
    assert len(filters) > 1
    return torch.get_num_threads(), filters

def starts_a_program():
    import subprocess
    return subprocess.run(["true"]).returncode

def starts_a_process():
    import multiprocessing
    process = multiprocessing.get_context("fork").Process(target=int)
    process.start()
    process.join()
    return process.exitcode

def loads_with_workers():
    from torch.utils.data import DataLoader
    return [batch.sum().item() for batch in DataLoader(torch.arange(4.0), batch_size=2, num_workers=2)]

def shares_memory():
    import multiprocessing
    return multiprocessing.Value("i", 3).value + torch.full((2,), 4.0).share_memory_().sum().item()

def fills(bytes_):
    with open("file", "wb") as file:
        for _ in range(bytes_ >> 20):
            file.write(b"x" * (1 << 20))
    return os.path.getsize("file")
'''


def is_gone_soon(pid, deadline=30.0):
    """Whether the process has ended, and was reaped, in time."""
    end = time.monotonic() + deadline
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < end:
        time.sleep(0.05)
    return not os.path.exists(f"/proc/{pid}")


class Workers(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="hubcell-test-")
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)

    def repository(self, name):
        """The folder of a new repository: its models live in a worker of their own."""
        folder = os.path.join(self.root, name)
        write_files(folder, {"hubconf.py": HUBCONF, "part/data": "kept"})
        os.symlink("part", os.path.join(folder, "link"))
        return folder

    def load(self, hub, name, entry="model", *args):
        folder = os.path.join(self.root, name)
        return hub.load(folder if os.path.isdir(folder) else self.repository(name), entry, *args, source="local")


class Templates(Workers):
    def crash(self, hub, name, number):
        model = self.load(hub, name)
        with self.assertRaises(hubcell.WorkerDied):
            model.end(int(number))

    def test_after_a_crash_the_next_worker_is_laid_out_anew(self):
        with hubcell.Hub() as hub:
            first = self.load(hub, "first")
            template, layout = first.template(), first.layout()
            self.crash(hub, "crashes", signal.SIGSEGV)
            second = self.load(hub, "second")
            self.assertNotEqual(second.template(), template)
            self.assertNotEqual(second.layout(), layout)
            # What the first template forked goes on, and it leaves with the last of them.
            self.assertEqual((first.template(), first.layout()), (template, layout))
            with self.assertRaises(hubcell.WorkerDied):
                first.end(int(signal.SIGKILL))
            self.assertTrue(is_gone_soon(template))
            self.assertEqual(second.template(), self.load(hub, "third").template())

    def test_other_ways_to_miss_an_address_count(self):
        with hubcell.Hub() as hub:
            for number in (signal.SIGSYS, signal.SIGABRT):
                template = self.load(hub, f"before{number}").template()
                self.crash(hub, f"crashes{number}", number)
                self.assertNotEqual(self.load(hub, f"after{number}").template(), template)

    def test_a_worker_that_was_killed_tells_nothing(self):
        with hubcell.Hub() as hub:
            first = self.load(hub, "first")
            self.crash(hub, "killed", signal.SIGKILL)
            second = self.load(hub, "second")
            self.assertEqual((second.template(), second.layout()), (first.template(), first.layout()))


class Spares(Workers):
    """Workers that were forked before anybody asked."""

    def spare_of(self, template):
        end = time.monotonic() + 30.0
        while time.monotonic() < end:
            for pid, (parent, name) in leftovers.processes().items():
                if parent == template and name == leftovers.SPARE:
                    return pid
            time.sleep(0.01)
        self.fail("the template forked none")

    def test_the_next_worker_is_one_and_is_like_any_other(self):
        with hubcell.Hub() as hub:
            first = self.load(hub, "first")
            spare = self.spare_of(first.template())
            # What a worker has open is closed to all: this one would keep the ends of others from being seen.
            self.assertLessEqual(len(os.listdir(f"/proc/{spare}/fd")), 4)
            second = self.load(hub, "second")
            self.assertEqual(hubcell.info(second)["pid"], spare)
            self.assertEqual(second.template(), first.template())
            self.assertEqual(leftovers.processes()[spare][1], leftovers.processes()[hubcell.info(first)["pid"]][1])
            self.assertEqual(hubcell.info(second)["sandbox"], hubcell.info(first)["sandbox"])
            next_spare = self.spare_of(first.template())
            third = self.load(hub, "third")
            self.assertEqual(hubcell.info(third)["pid"], next_spare)
            self.assertEqual(len({model.random() for model in (first, second, third)}), 3)

    def test_one_that_was_killed_costs_nothing(self):
        with hubcell.Hub() as hub:
            first = self.load(hub, "first")
            spare = self.spare_of(first.template())
            os.kill(spare, signal.SIGKILL)
            second = self.load(hub, "second")
            self.assertNotEqual(hubcell.info(second)["pid"], spare)
            self.assertEqual(second.template(), first.template())

    def test_it_ends_with_its_template(self):
        with hubcell.Hub() as hub:
            template = self.load(hub, "first").template()
            spare = self.spare_of(template)
            os.kill(template, signal.SIGKILL)
            self.assertTrue(is_gone_soon(spare))
        with hubcell.Hub() as hub:
            spare = self.spare_of(self.load(hub, "first").template())
        self.assertTrue(is_gone_soon(spare))


class Threads(Workers):
    def test_every_thread_is_in_the_sandbox(self):
        with hubcell.Hub(threads=4) as hub:
            threads, shut_in = self.load(hub, "own", "threads")
        self.assertEqual(threads, 4)
        self.assertEqual(set(shut_in), {"2"})


class Scratch(Workers):
    def test_it_is_bounded_and_the_error_names_the_option(self):
        with hubcell.Hub(scratch="8MiB") as hub:
            self.assertEqual(self.load(hub, "small", "fills", 4 << 20), 4 << 20)
            with self.assertRaisesRegex(OSError, r"(No space left|File too large)[\s\S]*scratch \(--scratch SIZE\)"):
                self.load(hub, "large", "fills", 16 << 20)
        with hubcell.Hub(scratch=32 << 20) as hub:
            self.assertEqual(self.load(hub, "large", "fills", 16 << 20), 16 << 20)

    def test_a_size_that_is_none(self):
        with self.assertRaisesRegex(ValueError, "scratch='much': expected bytes"):
            hubcell.Hub(scratch="much")


class Refusals(Workers):
    def test_the_error_names_the_option(self):
        with hubcell.Hub() as hub:
            for entry, words in (("starts_a_program", "starts no programs"), ("starts_a_process", "is one process"),
                                 ("loads_with_workers", "is one process")):
                with self.subTest(entry), self.assertRaisesRegex(OSError, f"{words}.*--sandbox off"):
                    self.load(hub, "needs", entry)
            with self.assertRaisesRegex(OSError, "starts no programs.*--sandbox off"):
                self.load(hub, "needs").starts_a_program()

    def test_the_option_allows_it(self):
        with hubcell.Hub(sandbox="off") as hub:
            self.assertEqual([self.load(hub, "needs", entry) for entry in ("starts_a_program", "starts_a_process", "loads_with_workers")],
                             [0, 0, [1.0, 5.0]])

    def test_memory_can_be_shared_where_it_is_the_workers_own(self):
        with hubcell.Hub() as hub:
            if hubcell.info(self.load(hub, "first"))["sandbox"] != "full":
                self.skipTest("this machine has no mount namespaces: /dev/shm is everybody's")
            self.assertEqual(self.load(hub, "first", "shares_memory"), 11.0)


class WritableCheckout(Workers):
    def test_a_checkout_is_read_only_and_the_error_names_the_option(self):
        with hubcell.Hub() as hub:
            for name in ("data", "new"):
                with self.assertRaisesRegex(OSError, "--writable-checkout"):
                    self.load(hub, "own", "writes_beside_itself", name)

    def test_its_copy_can_be_written_and_is_the_workers_own(self):
        with hubcell.Hub(writable_checkout=True) as hub:
            self.assertEqual(self.load(hub, "own", "writes_beside_itself", "data"), len("keptx"))
            self.assertEqual(self.load(hub, "own", "writes_beside_itself", "new"), 1)
            self.assertEqual(self.load(hub, "own", "lists"), ["hubconf.py", "link", "part", "part/data", "part/new"])
            self.assertEqual(os.path.basename(self.load(hub, "own", "here")), "own")
        with open(os.path.join(self.root, "own", "part", "data"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "kept")
        with hubcell.Hub(writable_checkout=True) as hub:
            self.assertEqual(self.load(hub, "own", "writes_beside_itself", "data"), len("keptx"))

    def test_a_copy_that_has_no_room(self):
        folder = self.repository("large")
        with open(os.path.join(folder, "weights"), "wb") as file:
            file.write(b"x" * (4 << 20))
        with hubcell.Hub(writable_checkout=True, scratch="1MiB") as hub:
            with self.assertRaisesRegex(hubcell.Error, "copy the checkout .*large to the worker's scratch folder"):
                self.load(hub, "large")


if __name__ == "__main__":
    unittest.main()
