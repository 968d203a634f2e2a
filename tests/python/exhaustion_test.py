"""What a program is told when something runs out, or stands still, and that it goes on as soon as there is some again.

Run: PYTHONPATH=build/dev/python:tests/support:tools/soaking python3 -B tests/python/exhaustion_test.py
"""

import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
import unittest

import torch

import hubcell
import leftovers

from support import RepositoryTest

DEADLINE_S = 120.0
MIB = 1 << 20

# Its runtime keeps what was freed for a while, and looks at memory through pipes of its own.
SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")
needs_no_sanitizer = unittest.skipIf(SANITIZED, "the sanitizer's runtime needs memory and descriptors of its own")

HUBCONF = """
    import os, time
    import torch

    class Net:
        def __init__(self):
            self.kept = []
        def keep(self, x):
            self.kept.append(x)
        def forget(self):
            self.kept.clear()
        def make(self, mib):
            return torch.ones(mib << 20, dtype=torch.uint8)
        def own(self, mib):
            return int(bytearray(mib << 20)[-1])
        def nap(self, seconds):
            time.sleep(seconds)
            return seconds
        def open_many(self):
            opened = []
            try:
                while True:
                    opened.append(os.open("/dev/null", os.O_RDONLY))
            finally:
                for descriptor in opened:
                    os.close(descriptor)

    def net():
        return Net()
"""


def make(mib):
    return torch.ones(mib << 20, dtype=torch.uint8)


class ExhaustionTest(RepositoryTest):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.path = cls.repository("net", hubconf=HUBCONF)
        cls.other = cls.repository("other", hubconf=HUBCONF)

    def hub(self, **options):
        hub = hubcell.Hub(**options)
        self.addCleanup(hub.close)
        return hub

    def load(self, hub, path=None):
        return hub.load(path or self.path, "net", source="local")

    def run_program(self, code, *words):
        return subprocess.run((sys.executable, "-c", textwrap.dedent(code), self.path, *words), capture_output=True, text=True,
                              timeout=DEADLINE_S)

    def test_memory_that_models_keep_is_named(self):
        model = self.load(self.hub(memory=200 * MIB))
        with self.assertRaises(hubcell.Error) as raised:
            for _ in range(100):
                model.keep(make(32))
        text = str(raised.exception)
        self.assertRegex(text, r"^call Net.keep of \S+: send a tensor of 33554432 bytes: the worker's memory budget leaves no room for it")
        self.assertRegex(text, r"of 201 MiB inputs that its models keep take 19[23] MiB, and")
        model.forget()
        model.keep(make(128))

    def test_memory_of_this_programs_own_tensors_is_named(self):
        hub = self.hub(memory=100 * MIB)
        model = self.load(hub)
        mine = hub.empty((64 << 20,), torch.uint8)
        with self.assertRaisesRegex(hubcell.Error, r"this program's own tensors of hubcell::empty 64 MiB;"):
            model.keep(make(64))
        del mine
        model.keep(make(64))

    @needs_no_sanitizer
    def test_answers_that_are_held_are_named(self):
        model = self.load(self.hub(memory=200 * MIB))
        held = []
        with self.assertRaisesRegex(hubcell.Error, r"earlier answers that the program holds take 192 MiB"):
            for _ in range(100):
                held.append(model.make(32))
        self.assertGreaterEqual(len(held), 4)
        held.clear()
        self.assertEqual(model.make(128).sum().item(), 128 * MIB)

    def test_memory_of_a_worker(self):
        model = self.load(self.hub(memory=200 * MIB))
        with self.assertRaises(MemoryError):
            model.own(1000)
        self.assertEqual(model.own(50), 0)

    def test_descriptors_of_a_worker(self):
        model = self.load(self.hub())
        with self.assertRaisesRegex(OSError, "Too many open files"):
            model.open_many()
        self.assertEqual(model.own(1), 0)

    @needs_no_sanitizer
    def test_descriptors_of_the_program(self):
        done = self.run_program("""
            import os, resource, sys
            import hubcell
            hub = hubcell.Hub(socket="")
            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            opened = []
            try:
                while True:
                    opened.append(os.open("/dev/null", os.O_RDONLY))
            except OSError:
                pass
            try:
                hub.load(sys.argv[1], "net", source="local")
            except hubcell.Error as error:
                print(error)
            for descriptor in opened:
                os.close(descriptor)
            print(hub.load(sys.argv[1], "net", source="local").own(1))
        """)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], r"ask the supervisor: it was left \(.*ulimit -n says how many this process may have\)")
        self.assertEqual(lines[1:], ["0"])

    def expect_line_below_a_limit(self, name, low, high, line):
        """A load under the low limit says `line`, and one under the high limit works, in one program."""
        done = self.run_program("""
            import resource, sys
            import hubcell
            path, limit, low, high = sys.argv[1], getattr(resource, sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
            hard = resource.getrlimit(limit)[1]
            resource.setrlimit(limit, (low, hard))
            try:
                hubcell.load(path, "net", source="local")
            except hubcell.Error as error:
                print(error)
            resource.setrlimit(limit, (high, hard))
            print(hubcell.load(path, "net", source="local").own(1))
        """, name, str(low), str(high))
        self.assertEqual(done.returncode, 0, done.stderr)
        first, second = done.stdout.splitlines()
        self.assertRegex(first, line)
        self.assertEqual(second, "0")

    @needs_no_sanitizer
    def test_descriptors_from_the_start(self):
        self.expect_line_below_a_limit("RLIMIT_NOFILE", 4, 256, "Too many open files; ulimit -n says how many this process may have$")

    @unittest.skipIf(os.geteuid() == 0, "root's processes are not bounded")
    def test_processes(self):
        hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        self.expect_line_below_a_limit("RLIMIT_NPROC", 1, hard, "fork.*Resource temporarily unavailable")

    def test_a_template_that_stands_still_is_replaced(self):
        hub = self.hub(threads=1)
        model = self.load(hub)
        worker = hubcell.info(model)["pid"]
        template = leftovers.processes()[worker][0]
        os.kill(template, signal.SIGSTOP)
        self.addCleanup(leftovers.kill, template, signal.SIGCONT)
        other = self.load(hub, self.other)
        self.assertEqual((model.own(1), other.own(1)), (0, 0))
        found = leftovers.processes()
        self.assertNotEqual(found[hubcell.info(other)["pid"]][0], template)
        # It does now what it was asked for, and nobody wants that any more.
        os.kill(template, signal.SIGCONT)
        end = time.monotonic() + DEADLINE_S
        while time.monotonic() < end:
            children = [pid for pid, (parent, name) in leftovers.processes().items()
                        if parent == template and name != leftovers.SPARE]
            if children == [worker]:
                break
            time.sleep(0.1)
        self.assertEqual(children, [worker])
        self.assertEqual(model.own(1), 0)

    def test_a_supervisor_that_is_stopped_for_a_while_goes_on(self):
        hub = self.hub(socket="")
        model = self.load(hub)
        supervisor = leftovers.Supervisor(hubcell.info(model)["pid"]).pid
        os.kill(supervisor, signal.SIGSTOP)
        try:
            self.assertEqual(model.own(1), 0, "calls do not pass by it")
        finally:
            os.kill(supervisor, signal.SIGCONT)
        self.assertEqual(self.load(hub, self.other).own(1), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
