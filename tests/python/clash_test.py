"""Repositories that break each other in one process are alive in one program, in many load orders, each with the bits
that it gives alone.

Run: PYTHONPATH=build/dev/python python3 tests/python/clash_test.py
HUBCELL_TEST_ORDERS: how many load orders, 50 where it is not set. HUBCELL_TEST_MODELS: a folder with silero-vad, as
tools/examples/make_silero_repository makes it.
"""

import builtins
import os
import random
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import unittest
import warnings

import torch

import hubcell as hub
import support
from clash_repositories import BRANCHES, NATIVE, NATIVE_REPOSITORY, REPOSITORIES

SEED = 20240917
# A Hub starts an interpreter with torch, a second each; its workers are forked in milliseconds.
ORDERS_OF_A_HUB = 10
ORDERS = int(os.environ.get("HUBCELL_TEST_ORDERS", "50"))
MODELS = os.environ.get("HUBCELL_TEST_MODELS", "")
SAMPLE_RATE, CHUNK = 16000, 512


def made_input():
    return torch.linspace(-1, 1, 12, dtype=torch.float32).reshape(2, 6)


def load(loader, where):
    """A model of `loader`, torch.hub or a Hub: `where` is a folder or the name of a repository."""
    torch.manual_seed(1)
    random.seed(1)
    return loader.load(where, "model", source="local" if os.path.isabs(where) else "github", trust_repo=True)


def ask(model, times=1):
    """The bits of so many answers, each drawn from the same random states."""
    answers = []
    for _ in range(times):
        torch.manual_seed(2)
        random.seed(2)
        answers.append(support.bits_of(model(made_input())))
    return answers


def alone_in_torch_hub(folder):
    # This process's own warning filters are no part of what the repository gives alone.
    warnings.resetwarnings()
    return ask(load(torch.hub, folder), 2)


def alone_in_hubcell(where):
    with hub.Hub() as mine:
        return ask(load(mine, where), 2)


def process_state():
    """What of this process foreign code likes to change."""
    return {
        "relu": torch.nn.functional.relu, "Linear": torch.nn.Linear, "call": torch.nn.Module.__call__,
        "mean": torch.Tensor.mean, "import": builtins.__import__, "meta_path": list(sys.meta_path),
        "path": list(sys.path), "json": sys.modules.get("json"), "modules": {"models", "utils"} & set(sys.modules),
        "dtype": torch.get_default_dtype(), "threads": torch.get_num_threads(), "grad": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(), "recursion": sys.getrecursionlimit(),
        "environment": dict(os.environ), "filters": list(warnings.filters), "registry": hasattr(torch.nn, "registry")}


def compile_extension(folder, version):
    """fastops in `folder`, whose version() is `version`; why there is none, or ''."""
    source = os.path.join(folder, "fastops.c")
    target = os.path.join(folder, "fastops" + sysconfig.get_config_var("EXT_SUFFIX"))
    include = sysconfig.get_paths()["include"]
    if not shutil.which("cc") or not os.path.exists(os.path.join(include, "Python.h")):
        return "no C compiler, or no Python.h"
    support.write_files(folder, {"fastops.c": NATIVE})
    subprocess.run(("cc", "-shared", "-fPIC", f"-DVERSION={version}", f"-I{include}", source, "-o", target), check=True,
                   timeout=support.DEADLINE_S)
    return ""


class Clash(support.RepositoryTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        root = cls.folder
        os.environ["TORCH_HOME"] = os.path.join(root, "cache")
        os.environ["HUBCELL_GITHUB_URL"] = f"file://{root}"
        cls.places = {name: support.write_files(os.path.join(root, name), files)
                      for name, files in REPOSITORIES.items()}
        cls._add_native(root)
        cls.folders = dict(cls.places)
        cls._add_branches(root)
        cls.expected = {name: support.alone(alone_in_hubcell, where) for name, where in cls.places.items()}

    @classmethod
    def _add_native(cls, root):
        cls.no_native = ""
        for version in (1, 2):
            name = f"native_{version}"
            folder = support.write_files(os.path.join(root, name), NATIVE_REPOSITORY)
            cls.no_native = cls.no_native or compile_extension(folder, version)
            if not cls.no_native:
                cls.places[name] = folder

    @classmethod
    def _add_branches(cls, root):
        support.make_git_repository(root, "acme/branches", BRANCHES)
        for branch, files in BRANCHES.items():
            cls.places[f"branch_{branch}"] = f"acme/branches:{branch}"
            cls.folders[f"branch_{branch}"] = support.write_files(os.path.join(root, "plain", branch), files)

    def setUp(self):
        torch.manual_seed(0)

    def test_the_repositories_clash_in_one_process(self):
        """Else the tests below would show nothing: plain torch.hub gives wrong answers or fails for most of them."""
        def all_in_torch_hub():
            warnings.resetwarnings()
            answers = {}
            for name, folder in self.folders.items():
                try:
                    answers[name] = ask(load(torch.hub, folder), 2)
                except Exception as error:  # the clash is what this counts
                    answers[name] = repr(error)
            return answers
        answers = support.alone(all_in_torch_hub)
        broken = [name for name, answer in answers.items() if answer != self.expected[name]]
        print(f"clash: plain torch.hub breaks {len(broken)} of {len(answers)} in one process", flush=True)
        self.assertGreaterEqual(len(broken), len(answers) // 2)

    def test_each_alone_equals_torch_hub_alone(self):
        for name, folder in self.folders.items():
            with self.subTest(repository=name):
                self.assertEqual(support.alone(alone_in_torch_hub, folder), self.expected[name])

    def test_answers_differ_between_repositories(self):
        first_answers = [str(answers[0]) for answers in self.expected.values()]
        self.assertGreater(len(set(first_answers)), len(first_answers) - 3)

    def test_native_extensions_of_one_name(self):
        if self.no_native:
            self.skipTest(self.no_native)
        self.assertNotEqual(self.expected["native_1"], self.expected["native_2"])

    def test_all_alive_at_once_in_random_orders(self):
        draw = random.Random(SEED)
        started = time.monotonic()
        print(f"clash: {len(self.places)} repositories, {ORDERS} orders, seed {SEED}", flush=True)
        for first in range(0, ORDERS, ORDERS_OF_A_HUB):
            with hub.Hub() as mine:
                for number in range(first, min(first + ORDERS_OF_A_HUB, ORDERS)):
                    orders = [draw.sample(sorted(self.places), len(self.places)) for _ in range(3)]
                    self.check_order(mine, number, *orders)
        print(f"clash: {ORDERS} orders in {time.monotonic() - started:.1f} s", flush=True)

    def check_order(self, loader, number, order, first, second):
        """Loads all in one order, and then asks all in another one, twice."""
        before = process_state()
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            places = {name: self.copy_of(name, folder) for name in self.places}
            models = {name: load(loader, places[name]) for name in order}
            self.assertGreaterEqual(len({hub.info(model)["pid"] for model in models.values()}), len(models))
            answers = {name: ask(models[name]) for name in first}
            for name in second:
                answers[name] += ask(models[name])
        wrong = [name for name in order if answers[name] != self.expected[name]]
        self.assertEqual(wrong, [], f"in order {number}: {order}")
        self.assertEqual(process_state(), before, f"in order {number}: {order}")

    def copy_of(self, name, folder):
        """A folder that no worker of the Hub has seen, so that each order gets workers of its own."""
        place = self.places[name]
        return shutil.copytree(place, os.path.join(folder, name)) if os.path.isabs(place) else place


def load_speech_model(loader, where):
    return loader.load(where, "silero_vad", source="local" if os.path.isabs(where) else "github", trust_repo=True)


def hear_with(model, functions):
    """Probabilities chunk by chunk, then the segments that the version's own function finds, as bits."""
    torch.manual_seed(3)
    sound = torch.rand(40 * CHUNK) * torch.linspace(0, 1, 40 * CHUNK)
    with torch.no_grad():
        model.reset_states()
        probabilities = torch.cat([model(chunk, SAMPLE_RATE) for chunk in sound.split(CHUNK)])
        segments = functions[0](sound, model, sampling_rate=SAMPLE_RATE, threshold=0.02)
    return support.bits_of([probabilities, segments])


def hear(loader, where):
    return hear_with(*load_speech_model(loader, where))


def hear_alone(where):
    with hub.Hub() as mine:
        return hear(mine, where)


@unittest.skipUnless(os.path.isdir(os.path.join(MODELS, "github")) and torch.__version__.startswith("1."),
                     "no silero-vad in HUBCELL_TEST_MODELS, or a torch that its torchaudio does not fit")
class RealModels(unittest.TestCase):
    """Two versions of silero-vad, which share the names of all their packages."""

    def test_two_versions_equal_themselves_alone(self):
        repositories = {tag: f"file://{MODELS}/github/snakers4/silero-vad.git@{tag}" for tag in ("v5.1", "v6.0")}
        alone = {tag: support.alone(hear_alone, where) for tag, where in repositories.items()}
        folders = {tag: os.path.join(MODELS, "alone", "silero-vad", tag) for tag in repositories}
        plain = {tag: support.alone(hear, torch.hub, folder) for tag, folder in folders.items()}
        self.assertEqual(alone, plain)
        self.assertNotEqual(alone["v5.1"], alone["v6.0"])
        for order in (("v5.1", "v6.0"), ("v6.0", "v5.1")):
            with hub.Hub() as mine:
                loaded = {tag: load_speech_model(mine, repositories[tag]) for tag in order}
                self.assertEqual({tag: hear_with(*loaded[tag]) for tag in order}, alone)


if __name__ == "__main__":
    unittest.main()
