"""A supervisor that programs share: `hubcell serve`, what `ps`, `top`, `logs` and `stop` say of it, and its end.

Run: HUBCELL_PROGRAM=build/dev/bin/hubcell PYTHONPATH=build/dev/python:tests/support:tools/soaking python3 -B tests/python/serve_test.py
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import torch

import hubcell
import leftovers

from support import write_files

PROGRAM = os.environ["HUBCELL_PROGRAM"]
DEADLINE_S = 60.0
GONE_WITHIN_S = 10.0

HUBCONF = '''
import time
import torch

class Net(torch.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor
        self.weight = torch.nn.Parameter(torch.ones(4 << 20))
    def forward(self, x):
        return x * self.factor
    def nap(self, seconds):
        time.sleep(seconds)
        return seconds
    def burn(self, seconds):
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass
        return seconds
    def say(self, text):
        print(text, flush=True)

def net(factor=2.0):
    return Net(factor)
'''

# A program of its own: loads, says so, and calls for as long as it is told to.
CALLER = '''
import sys, torch, hubcell
model = hubcell.Hub(socket=sys.argv[1]).load(sys.argv[2], "net", float(sys.argv[3]), source="local")
print(hubcell.info(model)["pid"], flush=True)
calls = 0
while sys.argv[4] == "forever" or calls < int(sys.argv[4]):
    assert torch.equal(model(torch.ones(3)), torch.ones(3) * float(sys.argv[3]))
    calls += 1
print(calls, flush=True)
'''


def wait_until(is_so, within_s=GONE_WITHIN_S):
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if is_so():
            return True
        time.sleep(0.02)
    return is_so()


class Served:
    """`hubcell serve` at a socket of its own. Its environment is another than that of the tests' programs, so that an interpreter
    that it started ahead would be of no use to them."""

    def __init__(self, folder, *options, warm=("--no-warm",)):
        self.socket = os.path.join(folder, "hubcell.sock")
        self._log = open(os.path.join(folder, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen((PROGRAM, "serve", "--socket", self.socket, *warm, *options), stderr=self._log,
                                        stdin=subprocess.DEVNULL, env={**os.environ, "TMPDIR": folder})

    def answers(self):
        return wait_until(lambda: self.command("ps").returncode == 0)

    def command(self, *words):
        return subprocess.run((PROGRAM, words[0], "--socket", self.socket, *words[1:]), capture_output=True, text=True,
                              timeout=DEADLINE_S)

    def look(self):
        done = self.command("ps", "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def log(self):
        self._log.flush()
        with open(self._log.name, encoding="utf-8") as text:
            return text.read()

    def end(self):
        self.process.terminate()
        self.process.wait(DEADLINE_S)
        self._log.close()


class ServeTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="hubcell-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.common = Served(folder.name)
        cls.addClassCleanup(cls.common.end)

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hubcell-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.repository = write_files(os.path.join(self.folder, "net"), {"hubconf.py": HUBCONF})

    def serve(self):
        """The one that tests have in common, with no program left of those before."""
        self.assertTrue(self.common.answers(), self.common.log())
        self.assertTrue(wait_until(lambda: self.common.look()["programs"] == 0))
        return self.common

    def serve_alone(self, *options, **warm):
        served = Served(self.folder, *options, **warm)
        self.addCleanup(served.end)
        self.assertTrue(served.answers(), served.log())
        return served

    def hub(self, served, **options):
        hub = hubcell.Hub(socket=served.socket, **options)
        self.addCleanup(hub.close)
        return hub

    def load(self, hub, factor=2.0):
        return hub.load(self.repository, "net", factor, source="local")

    def start_caller(self, served, factor=3.0, calls="forever"):
        caller = subprocess.Popen((sys.executable, "-c", CALLER, served.socket, self.repository, str(factor), str(calls)),
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(caller.stdout.close)
        self.addCleanup(caller.stderr.close)
        self.addCleanup(caller.wait)
        self.addCleanup(caller.kill)
        return caller, int(caller.stdout.readline())

    def test_programs_share_its_interpreter_and_never_a_worker(self):
        served = self.serve()
        first, second = self.load(self.hub(served)), self.load(self.hub(served))
        caller, third = self.start_caller(served, calls=100)
        pids = [hubcell.info(first)["pid"], hubcell.info(second)["pid"], third]
        self.assertEqual(len(set(pids)), 3)
        found = leftovers.processes()
        templates = {found[pid][0] for pid in pids[:2]}
        self.assertEqual(len(templates), 1, "sessions of one environment share the template")
        self.assertEqual(found[templates.pop()][0], served.process.pid)
        self.assertEqual((first(torch.ones(1)).item(), second(torch.ones(1)).item()), (2.0, 2.0))
        self.assertEqual(caller.stdout.readline().strip(), "100", caller.stderr.read())

    def test_its_interpreter_is_there_before_anybody_asks(self):
        served = self.serve_alone(warm=())
        self.assertTrue(wait_until(lambda: served.look()["interpreters"] == 1), served.log())
        self.assertEqual(served.look()["programs"], 0)
        environment = {**os.environ, "TMPDIR": self.folder, "HUBCELL_PYTHON": "", "VIRTUAL_ENV": "",
                       "HUBCELL_SOCKET": served.socket}
        done = subprocess.run((PROGRAM, "list", self.repository), capture_output=True, text=True,
                              timeout=DEADLINE_S, env=environment)
        self.assertEqual((done.returncode, done.stdout), (0, "Net\nnet\n"), done.stderr)
        self.assertEqual(served.look()["interpreters"], 1)

    def test_ps_tells_what_proc_tells(self):
        served = self.serve()
        model = self.load(self.hub(served))
        pid = hubcell.info(model)["pid"]
        model.burn(0.5)
        # Its pages change for as long as its weights are being shared.
        self.assertTrue(wait_until(lambda: served.look()["workers"][0]["weights_bytes"] >= 16 << 20))
        seen = served.look()
        self.assertEqual((seen["pid"], seen["programs"], seen["interpreters"], seen["draining"]),
                         (served.process.pid, 1, 1, False))
        [worker] = seen["workers"]
        self.assertEqual((worker["pid"], worker["repo"], worker["entry"], worker["state"], worker["calls"]),
                         (pid, self.repository, "net", "ready", 0))
        self.assertEqual((worker["program_pid"], worker["sandbox"]), (os.getpid(), hubcell.info(model)["sandbox"]))
        with open("/proc/self/comm", encoding="utf-8") as name:
            self.assertEqual(worker["program"], name.read().strip())
        status = leftovers.status(pid)
        kibibytes = {name: int(status[name].split()[0]) for name in ("RssAnon", "RssFile", "RssShmem")}
        self.assertEqual(worker["private_bytes"], kibibytes["RssAnon"] << 10)
        self.assertEqual(worker["shared_bytes"], (kibibytes["RssFile"] + kibibytes["RssShmem"]) << 10)
        self.assertGreaterEqual(worker["private_bytes"], 16 << 20, "the weights are its own")
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            fields = stat.read().rpartition(")")[2].split()
        self.assertAlmostEqual(worker["cpu_s"], (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), delta=0.05)
        self.assertGreaterEqual(worker["cpu_s"], 0.45)
        self.assertLess(worker["idle_s"], 5.0)

    def test_ps_shows_each_replica(self):
        served = self.serve()
        model = self.load(self.hub(served, replicas=2, stateless=True))
        workers = served.look()["workers"]
        self.assertEqual(sorted(worker["pid"] for worker in workers), sorted(hubcell.info(model)["pids"]))
        self.assertEqual({worker["repo"] for worker in workers}, {self.repository})

    def test_ps_shows_calls_and_top_shares(self):
        served = self.serve()
        model = self.load(self.hub(served))
        for name, seconds, share in (("nap", 2.5, r" 0%"), ("burn", 2.5, r" [1-9]\d*%")):
            future = hubcell.call_async(getattr(model, name), seconds)
            self.assertTrue(wait_until(lambda: served.look()["workers"][0]["calls"] == 1))
            lines = served.command("top", "--interval", "500ms", "--count", "2").stdout.splitlines()
            self.assertRegex(lines[-1], " calling .*" + share)
            self.assertEqual(future.result(DEADLINE_S), seconds)
        self.assertEqual(served.look()["workers"][0]["calls"], 0)

    def test_a_table_fits_a_terminal(self):
        served = self.serve()
        self.load(self.hub(served))
        lines = served.command("ps").stdout.splitlines()
        self.assertEqual(len([line for line in lines if not line.startswith("weights ")]), 3)
        self.assertLessEqual(max(map(len, lines)), 80)

    def test_logs_tell_what_is_logged_and_printed(self):
        served = self.serve()
        follower = subprocess.Popen((PROGRAM, "logs", "-f", "--socket", served.socket), stdout=subprocess.PIPE, text=True)
        self.addCleanup(follower.stdout.close)
        self.addCleanup(follower.wait)
        self.addCleanup(follower.kill)
        model = self.load(self.hub(served))
        model.say("to the log too")
        self.assertTrue(any(line.endswith(f" [{self.repository}] to the log too\n") for line in iter(follower.stdout.readline, "")))
        with self.subTest("it ends with what it follows"):
            ending = Served(os.path.join(self.folder, "net"))
            self.assertTrue(ending.answers())
            second = subprocess.Popen((PROGRAM, "logs", "-f", "--socket", ending.socket), stdout=subprocess.PIPE, text=True)
            self.assertIn("serves at", second.stdout.readline())
            ending.end()
            self.assertEqual((second.communicate(timeout=DEADLINE_S)[0].splitlines()[-1][13:], second.returncode),
                             ("info it is to end: nobody is let in any more", 0))
        text = served.command("logs").stdout
        self.assertRegex(text, r"info \[.*\] load net\n")
        self.assertRegex(text, r"info program \S+ \(%d\) has come\n" % os.getpid())
        lines = [json.loads(line) for line in served.command("logs", "--json", self.repository).stdout.splitlines()]
        self.assertEqual({line["worker"] for line in lines}, {self.repository})
        self.assertEqual([line["text"] for line in lines if line["kind"] == "printed"], ["to the log too"])

    def test_a_killed_program_takes_its_own_workers_only(self):
        served = self.serve()
        model = self.load(self.hub(served))
        caller, worker = self.start_caller(served)
        other = hubcell.info(model)["pid"]
        pending = hubcell.call_async(model.nap, 1.0)
        caller.kill()
        self.assertTrue(wait_until(lambda: worker not in leftovers.processes()))
        self.assertEqual(pending.result(DEADLINE_S), 1.0)
        self.assertTrue(wait_until(lambda: [entry["pid"] for entry in served.look()["workers"]] == [other]))
        self.assertEqual(hubcell.info(model)["pid"], other)

    def test_a_program_that_stops_holds_up_nobody(self):
        served = self.serve()
        model = self.load(self.hub(served))
        caller, _ = self.start_caller(served)
        caller.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        self.assertEqual(self.load(self.hub(served), 5.0)(torch.ones(1)).item(), 5.0)
        self.assertEqual(model(torch.ones(1)).item(), 2.0)
        self.assertLess(time.monotonic() - began, 30.0)

    def test_stop_ends_a_worker_and_its_program_is_told(self):
        served = self.serve()
        model = self.load(self.hub(served))
        pid = hubcell.info(model)["pid"]
        self.assertEqual(served.command("stop", str(pid)).returncode, 0)
        with self.assertRaisesRegex(hubcell.WorkerDied, "was stopped by hubcell stop"):
            model(torch.ones(1))
        self.assertEqual(model(torch.ones(1)).item(), 2.0)
        self.assertEqual(served.command("stop", self.repository).returncode, 0)
        done = served.command("stop", str(os.getpid()))
        self.assertEqual((done.returncode, done.stderr),
                         (1, f"hubcell: stop worker {os.getpid()}: none of that number runs here\n"))
        self.assertEqual(served.command("stop", "owner/none").returncode, 1)

    def test_a_model_that_nobody_uses_is_unloaded_and_comes_back(self):
        served = self.serve_alone("--unload-idle", "1s")
        model = self.load(self.hub(served))
        replicated = self.load(self.hub(served, replicas=2, stateless=True))
        self.assertEqual(model.nap(2.5), 2.5, "a call is use, however little it does")
        pids = [hubcell.info(model)["pid"], *hubcell.info(replicated)["pids"]]
        self.assertTrue(wait_until(lambda: not set(pids) & set(leftovers.processes())))
        self.assertEqual(replicated(torch.ones(1)).item(), 2.0, "a replica has no state that could be missed")
        with self.assertRaisesRegex(hubcell.WorkerDied, "was unloaded: nobody used it for 1 s"):
            model(torch.ones(1))
        self.assertEqual(model(torch.ones(1)).item(), 2.0)

    def test_quotas_bound_a_session(self):
        served = self.serve_alone("--workers", "1", "--worker-memory", "300MiB")
        other = write_files(os.path.join(self.folder, "other"), {"hubconf.py": HUBCONF})
        hub = self.hub(served)
        model = self.load(hub)
        with self.assertRaisesRegex(hubcell.Error, "1 are open in this session, and no more may be"):
            hub.load(other, "net", source="local")
        self.assertEqual(model(torch.ones(1)).item(), 2.0)
        del model
        model = hub.load(other, "net", source="local")
        self.assertEqual(model(torch.ones(1)).item(), 2.0, "an idle worker leaves its place to another")
        self.assertEqual(self.load(self.hub(served), 7.0)(torch.ones(1)).item(), 7.0, "another session has its own")
        with self.assertRaisesRegex(hubcell.Error, "the worker's memory budget leaves no room"):
            self.load(self.hub(served, memory="8GiB"))(torch.ones(200 << 20, dtype=torch.uint8).float())
        self.assertEqual(model(torch.ones(1)).item(), 2.0)
        with self.assertRaisesRegex(hubcell.Error, "with 2 replicas: the shared supervisor gives a program 1 workers at most"):
            self.hub(served, replicas=2, stateless=True)

    def test_its_end_lets_calls_finish_and_programs_go_on_alone(self):
        served = self.serve_alone()
        model = self.load(self.hub(served))
        call = hubcell.call_async(model.nap, 1.5)
        self.assertTrue(wait_until(lambda: served.look()["workers"][0]["calls"] == 1))
        served.process.terminate()
        self.assertTrue(wait_until(lambda: not os.path.exists(served.socket)))
        self.assertEqual(call.result(DEADLINE_S), 1.5)
        self.assertEqual(served.process.wait(DEADLINE_S), 0, served.log())
        with self.assertRaises(hubcell.WorkerDied):
            model(torch.ones(1))
        self.assertEqual(model(torch.ones(1)).item(), 2.0, "a supervisor of its own")
        self.assertEqual(self.load(self.hub(served), 4.0)(torch.ones(1)).item(), 4.0)

    def test_a_call_without_end_holds_up_its_end_for_so_long_only(self):
        served = self.serve_alone("--drain", "1s")
        model = self.load(self.hub(served))
        call = hubcell.call_async(model.nap, 600.0)
        self.assertTrue(wait_until(lambda: served.look()["workers"][0]["calls"] == 1))
        began = time.monotonic()
        self.assertEqual(served.command("stop").returncode, 0)
        self.assertGreater(time.monotonic() - began, 0.9)
        with self.assertRaisesRegex(hubcell.WorkerDied, "its supervisor was told to end"):
            call.result(DEADLINE_S)

    def test_one_that_is_killed_is_replaced_by_a_private_one(self):
        served = self.serve_alone()
        model = self.load(self.hub(served))
        worker = hubcell.info(model)["pid"]
        served.process.kill()
        self.assertTrue(wait_until(lambda: worker not in leftovers.processes()))
        with self.assertRaises(hubcell.WorkerDied):
            model(torch.ones(1))
        self.assertEqual(model(torch.ones(1)).item(), 2.0)
        again = self.serve_alone()
        self.assertEqual(len(again.look()["workers"]), 0)

    def test_one_that_does_not_answer_is_not_waited_for(self):
        served = self.serve_alone()
        served.process.send_signal(signal.SIGSTOP)
        self.addCleanup(served.process.send_signal, signal.SIGCONT)
        self.assertEqual(self.load(self.hub(served))(torch.ones(1)).item(), 2.0)

    def test_one_that_was_stopped_for_a_while_goes_on(self):
        served = self.serve_alone()
        model = self.load(self.hub(served))
        served.process.send_signal(signal.SIGSTOP)
        self.assertEqual(model(torch.ones(1)).item(), 2.0, "calls do not pass by it")
        served.process.send_signal(signal.SIGCONT)
        self.assertEqual(self.load(self.hub(served), 9.0)(torch.ones(1)).item(), 9.0)

    def test_only_one_listens_at_a_place(self):
        served = self.serve()
        done = subprocess.run((PROGRAM, "serve", "--socket", served.socket), capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertEqual(done.returncode, 1)
        self.assertIn("another supervisor does; hubcell stop ends it", done.stderr)
        self.assertEqual(served.command("ps").returncode, 0)

    def test_without_one_that_is_said(self):
        done = subprocess.run((PROGRAM, "ps", "--socket", "/nonexistent/s"), capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, "hubcell: ask the shared supervisor: none answers at /nonexistent/s; hubcell serve starts one\n")

    def test_whoever_talks_nonsense_is_left_alone(self):
        served = self.serve()
        model = self.load(self.hub(served))
        for message in (b"\0", b"\1\0" + b"\xff" * 1000, b"\x29\0" + b"\0" * 8 + b"more"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as nonsense:
                nonsense.connect(served.socket)
                nonsense.send(message)
                nonsense.settimeout(DEADLINE_S)
                while nonsense.recv(1 << 16):
                    pass
        silent = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(100)]
        for connection in silent:
            self.addCleanup(connection.close)
            connection.connect(served.socket)
        self.assertEqual(model(torch.ones(1)).item(), 2.0)
        for connection in silent:
            connection.close()
        self.assertTrue(served.answers())

    @unittest.skipUnless(os.geteuid() == 0, "another user's program can be started by root only")
    def test_programs_of_other_users_do_not_get_in(self):
        served = self.serve_alone()
        os.chmod(self.folder, 0o755)
        os.chmod(served.socket, 0o777)
        done = subprocess.run((PROGRAM, "ps", "--socket", served.socket), capture_output=True, text=True, timeout=DEADLINE_S,
                              user=65534, group=65534)
        self.assertEqual(done.returncode, 1)
        self.assertTrue(wait_until(lambda: "a program of user 65534 was refused" in served.log()), served.log())

    def test_systemd_passes_its_socket_on(self):
        path = os.path.join(self.folder, "hubcell.sock")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(path)
            listener.listen()
            descriptor = os.dup(listener.fileno())
        start = f"exec 3<&{descriptor}; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" serve --socket {path}"
        process = subprocess.Popen(("/bin/sh", "-c", start, PROGRAM), pass_fds=(descriptor,), stderr=subprocess.DEVNULL)
        os.close(descriptor)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        hub = hubcell.Hub(socket=path)
        self.addCleanup(hub.close)
        model = self.load(hub)
        self.assertEqual(leftovers.Supervisor(hubcell.info(model)["pid"]).pid, process.pid)
        process.terminate()
        self.assertEqual(process.wait(DEADLINE_S), 0)
        self.assertTrue(os.path.exists(path), "the socket is systemd's")

    def test_the_log_as_json(self):
        environment = {**os.environ, "HUBCELL_LOG_FORMAT": "json", "HUBCELL_LOG": "info"}
        done = subprocess.run((PROGRAM, "run", self.repository, "net", "-x", "ones:2", "--sandbox", "off"), capture_output=True,
                              text=True, timeout=DEADLINE_S, env={**environment, "HUBCELL_SOCKET": ""})
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        loads = [line for line in lines if line["message"] == "load net"]
        self.assertEqual(len(loads), 1, done.stderr)
        self.assertEqual((loads[0]["worker"], loads[0]["level"], loads[0]["program"]),
                         (self.repository, "info", "hubcell-supervisor"))
        self.assertRegex(loads[0]["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertGreater(loads[0]["worker_pid"], 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
