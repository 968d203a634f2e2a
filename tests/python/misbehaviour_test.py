"""What models do wrong, each in one call or load: the caller has one outcome in time, and nobody else notices.

Run: PYTHONPATH=build/dev/python:tests/support:tools/soaking python3 -B tests/python/misbehaviour_test.py
"""

import os
import shutil
import tempfile
import time
import unittest

import hubcell
import leftovers

from support import write_files

# Of a call that would take for ever; and within which every outcome has to be there.
DEADLINE_S = 1.0
OUTCOME_S = 20.0
HUBCONF = '''
import atexit, builtins, ctypes, os, signal, sys, threading, time
import torch

def raising(*args):
    raise ValueError("on purpose")

def looping(*args):
    while True:
        try:
            time.sleep(0.1)
        except BaseException:
            pass

def odd(**methods):
    return type("Odd", (), methods)()

class WithoutText(Exception):
    def __str__(self):
        raise ValueError("no text")

class Model:
    def right(self):
        return 7
    def raises(self):
        raise ValueError("on purpose")
    def raises_without_text(self):
        raise WithoutText()
    def raises_at_length(self):
        raise ValueError("x" * (100 << 20))
    def raises_deep(self):
        error = None
        for _ in range(10000):
            new = ValueError("deep")
            new.__context__ = error
            error = new
        raise error
    def raises_what_ends_programs(self):
        raise SystemExit(3)
    def raises_an_interrupt(self):
        raise KeyboardInterrupt
    def raises_its_own_end(self):
        raise type("Own", (BaseException,), {})()
    def raises_a_stop(self):
        raise StopIteration
    def exits(self, code):
        os._exit(code)
    def signals(self, number):
        signal.signal(number, signal.SIG_DFL) if number not in (signal.SIGKILL, signal.SIGSTOP) else None
        os.kill(os.getpid(), number)
        time.sleep(60)
    def loops(self):
        looping()
    def holds_the_lock(self):
        ctypes.PyDLL(None).sleep(60)
    def blocks_signals(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))
        ctypes.PyDLL(None).sleep(60)
    def recurses(self):
        return self.recurses()
    def overflows_the_stack(self):
        ctypes.memset(0, 0, 1)
    def closes_everything(self):
        os.closerange(0, 1000)
    def closes_its_output(self):
        sys.stdout.close()
        sys.stderr.close()
        print("nowhere")
    def scribbles(self, value):
        with open("/proc/self/maps") as lines:
            for line in lines:
                if "hubcell-channel" in line and "rw-s" in line:
                    begin, end = (int(part, 16) for part in line.split()[0].split("-"))
                    ctypes.memset(begin, value, min(end - begin, 1 << 20))
        return 7
    def prints(self):
        for _ in range(100):
            sys.stdout.write("x" * (1 << 20))
        return 7
    def prints_lines(self):
        for _ in range(100000):
            print("line")
        return 7
    def prints_what_is_no_text(self):
        os.write(1, bytes(range(256)) * 100)
        return 7
    def answers_with_itself(self):
        answer = []
        answer.append(answer)
        return answer
    def answers_deep(self):
        answer = []
        for _ in range(100000):
            answer = [answer]
        return answer
    def answers_with_much(self):
        return list(range(1000000))
    def answers_with_a_large_tensor(self):
        return torch.empty(1 << 38, dtype=torch.uint8)
    def answers_beyond_its_memory(self):
        return torch.zeros(2 << 30, dtype=torch.uint8)
    def takes_all_memory(self):
        parts = []
        while True:
            parts.append(bytearray(64 << 20))
    def answers_with_surrogates(self):
        return chr(0xd800)
    def answers_with_an_odd_dict(self):
        return {float("nan"): 1, (1, (2,)): odd(), None: float("inf")}
    def answers_with_a_class(self):
        return type("Own", (), {})
    def answers_with_a_lying_class(self):
        return type("Own", (), {"__module__": 7, "__class__": property(raising)})()
    def odd_len(self):
        return odd(__len__=raising)
    def negative_len(self):
        return odd(__len__=lambda self: -5)
    def looping_len(self):
        return odd(__len__=looping)
    def odd_bool(self):
        return odd(__bool__=raising)
    def odd_eq(self):
        return odd(__eq__=raising, __hash__=None)
    def odd_attributes(self):
        return odd(__getattr__=raising)
    def looping_attributes(self):
        return odd(__getattr__=looping)
    def odd_repr(self):
        return odd(__repr__=lambda self: 7)
    def odd_end(self):
        return odd(__del__=raising)
    def looping_end(self):
        return odd(__del__=looping)
    def fails_midway(self):
        yield 1
        yield 2
        raise ValueError("midway")
    def dies_midway(self):
        yield 1
        os._exit(3)
    def starts_threads_that_loop(self):
        for _ in range(20):
            threading.Thread(target=looping).start()
        return 7
    def leaves_work_for_the_end(self):
        atexit.register(looping)
        return 7
    def forgets_its_modules(self):
        sys.modules.clear()
        return 7
    def breaks_what_is_built_in(self):
        builtins.len = builtins.isinstance = None
        return 7
    def loses_its_folder(self):
        import shutil
        shutil.rmtree(os.getcwd(), ignore_errors=True)
        return 7
    def changes_the_switch(self):
        sys.setswitchinterval(1000.0)
        sys.setrecursionlimit(10 ** 9)
        return 7
    def traces(self):
        sys.settrace(raising)
        return 7

def model():
    return Model()

def loops():
    looping()

def exits():
    os._exit(5)

def raises():
    raise ValueError("on purpose")
'''
# hubconf.py itself.
AT_IMPORT = {"raises_at_import": ("raise ValueError('on purpose')", ValueError),
             "is_no_python": ("def (", SyntaxError),
             "ends_the_program_at_import": ("import sys; sys.exit(3)", hubcell.Error),
             "exits_at_import": ("import os; os._exit(3)", hubcell.WorkerDied),
             "crashes_at_import": ("import ctypes; ctypes.memset(0, 0, 1)", hubcell.WorkerDied),
             "has_no_entrypoint": ("", RuntimeError),
             "is_no_text": ("\0", (ValueError, SyntaxError)),
             "loops_at_import": ("import time\nwhile True:\n  try: time.sleep(1)\n  except BaseException: pass", hubcell.DeadlineExceeded)}
# What is called, and what comes of it: a value, or errors.
DIED, LATE = hubcell.WorkerDied, hubcell.DeadlineExceeded
CALLS = [("raises", (), ValueError), ("raises_without_text", (), hubcell.Error), ("raises_at_length", (), ValueError), ("raises_deep", (), ValueError),
         ("raises_what_ends_programs", (), hubcell.Error), ("raises_an_interrupt", (), hubcell.Error), ("raises_its_own_end", (), hubcell.Error),
         ("raises_a_stop", (), hubcell.Error), ("exits", (0,), DIED), ("exits", (255,), DIED), ("signals", (6,), DIED), ("signals", (11,), DIED),
         ("signals", (4,), DIED), ("signals", (7,), DIED), ("signals", (8,), DIED), ("signals", (9,), DIED), ("signals", (15,), DIED), ("signals", (31,), DIED),
         ("signals", (19,), LATE), ("loops", (), LATE), ("holds_the_lock", (), LATE), ("blocks_signals", (), LATE), ("recurses", (), RecursionError),
         ("overflows_the_stack", (), DIED), ("closes_everything", (), (hubcell.Error, type(None))), ("closes_its_output", (), (ValueError, type(None))),
         ("scribbles", (0,), (int, hubcell.Error)), ("scribbles", (255,), (int, hubcell.Error)), ("prints", (), (int, LATE)), ("prints_lines", (), 7), ("prints_what_is_no_text", (), 7),
         ("answers_with_itself", (), hubcell.Error), ("answers_deep", (), hubcell.Error), ("answers_with_much", (), hubcell.Error),
         ("answers_with_a_large_tensor", (), hubcell.Error), ("answers_beyond_its_memory", (), hubcell.Error), ("takes_all_memory", (), MemoryError),
         ("answers_with_surrogates", (), (str, hubcell.Error)), ("answers_with_an_odd_dict", (), (dict, hubcell.Error)),
         ("answers_with_a_class", (), object), ("answers_with_a_lying_class", (), object), ("starts_threads_that_loop", (), 7),
         ("leaves_work_for_the_end", (), 7), ("forgets_its_modules", (), (int, hubcell.Error)), ("breaks_what_is_built_in", (), (int, hubcell.Error)),
         ("loses_its_folder", (), 7), ("changes_the_switch", (), 7), ("traces", (), (int, hubcell.Error))]
# What is answered, and what is done with that.
HANDLES = [("odd_len", len, ValueError), ("negative_len", len, ValueError), ("looping_len", len, LATE), ("odd_bool", bool, ValueError),
           ("odd_eq", lambda odd: odd == 3, ValueError), ("odd_attributes", lambda odd: odd.nothing, ValueError),
           ("looping_attributes", lambda odd: odd.nothing, LATE), ("odd_repr", repr, (TypeError, str)), ("fails_midway", list, ValueError),
           ("dies_midway", list, DIED)]


class Misbehaviour(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="hubcell-test-")
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        before = os.environ.get("TMPDIR")
        os.environ["TMPDIR"] = tempfile.tempdir = cls.root
        cls.addClassCleanup(lambda: os.environ.pop("TMPDIR") if before is None else os.environ.update(TMPDIR=before))
        cls.addClassCleanup(setattr, tempfile, "tempdir", None)
        cls.before = leftovers.of_this_program()
        cls.hub = hubcell.Hub(deadline=10.0, memory="1GiB", threads=1)
        cls.sibling = cls.hub.load(cls.repository("sibling"), "model", source="local")
        cls.supervisor = leftovers.Supervisor(hubcell.info(cls.sibling)["pid"])
        cls.addClassCleanup(cls.expect_nothing_left)

    @classmethod
    def expect_nothing_left(cls):
        cls.hub.close()
        del cls.hub, cls.sibling
        left = leftovers.since(cls.before, cls.supervisor.pid)
        if left:
            raise AssertionError(left)

    @classmethod
    def repository(cls, name, text=HUBCONF):
        return write_files(os.path.join(cls.root, name), {"hubconf.py": text})

    @staticmethod
    def deadline_for(expected):
        """Only what may be late is not waited for."""
        return DEADLINE_S if LATE in (expected if isinstance(expected, tuple) else (expected,)) else 10.0

    def outcome(self, function):
        """What it returned or raised; once, and in time."""
        began = time.monotonic()
        try:
            outcome = function()
        except BaseException as error:  # noqa: B902
            outcome = error
        self.assertLess(time.monotonic() - began, OUTCOME_S)
        return outcome

    def expect(self, outcome, expected):
        if isinstance(expected, int):
            self.assertEqual(outcome, expected)
        else:
            self.assertIsInstance(outcome, expected, getattr(outcome, "args", None))

    def expect_all_well(self, folder=None):
        """A sibling, and a new load, right after."""
        self.assertEqual(self.sibling.right(), 7)
        self.assertEqual(self.hub.load(folder or self.repository("after"), "model", source="local").right(), 7)

    def test_of_hubconf_itself(self):
        for name, (text, expected) in AT_IMPORT.items():
            with self.subTest(name):
                folder = self.repository(name, text)
                hub = hubcell.Hub(deadline=2 * DEADLINE_S) if expected is LATE else self.hub
                self.expect(self.outcome(lambda: hub.load(folder, "model", source="local")), expected)  # noqa: B023
                self.expect_all_well()
                if hub is not self.hub:
                    hub.close()

    def test_of_loads(self):
        folder = self.repository("loads")
        for entry, expected in (("raises", ValueError), ("exits", DIED), ("nothing", RuntimeError)):
            with self.subTest(entry):
                self.expect(self.outcome(lambda: self.hub.load(folder, entry, source="local")), expected)  # noqa: B023
                self.expect_all_well(folder)

    def test_of_calls(self):
        for number, (method, arguments, expected) in enumerate(CALLS):
            with self.subTest(f"{method}{arguments}"):
                folder = self.repository(f"calls{number}")
                model = self.hub.load(folder, "model", source="local")
                method_of_it = getattr(model, method)
                with hubcell.options(model, deadline=self.deadline_for(expected)):
                    self.expect(self.outcome(lambda: method_of_it(*arguments)), expected)  # noqa: B023
                self.expect_all_well()

    def test_of_what_is_answered(self):
        for number, (method, use, expected) in enumerate(HANDLES):
            with self.subTest(method):
                model = self.hub.load(self.repository(f"handles{number}"), "model", source="local")
                with hubcell.options(model, deadline=self.deadline_for(expected)):
                    odd = getattr(model, method)()
                    with hubcell.options(odd, deadline=self.deadline_for(expected)):
                        self.expect(self.outcome(lambda: use(odd)), expected)  # noqa: B023
                del odd
                self.expect_all_well()

    def test_of_ends(self):
        for number, method in enumerate(("odd_end", "looping_end")):
            with self.subTest(method):
                model = self.hub.load(self.repository(f"ends{number}"), "model", source="local")
                getattr(model, method)()
                with hubcell.options(model, deadline=DEADLINE_S):
                    self.expect(self.outcome(lambda: model.right()), (int, LATE, DIED))  # noqa: B023
                self.expect_all_well()


if __name__ == "__main__":
    unittest.main()
