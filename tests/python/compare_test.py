"""Comparisons of two models: that what is reported is so, and that nothing is reported which is not.

Run: HUBCELL_PROGRAM=build/dev/bin/hubcell PYTHONPATH=build/dev/python:tests/support python3 -B tests/python/compare_test.py
"""

import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import unittest
import wave

import numpy
import torch

import hubcell

from support import RepositoryTest, write_files

PROGRAM = os.environ["HUBCELL_PROGRAM"]
MODELS = os.environ.get("HUBCELL_TEST_MODELS", "")
SECONDS = 120

NETS = '''
import torch
from torch import nn

class Block(nn.Module):
    """Of a residual network. `scale` is its own code's: of what it passes to its first convolution."""
    def __init__(self, width):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.relu, self.scale, self.shortcut = nn.ReLU(inplace=True), 1.0, 1.0
    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x * self.scale)))
        return self.relu(self.bn2(self.conv2(out)) + x * self.shortcut)

class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.layers = nn.Sequential(*[Block(8) for _ in range(4)])
        self.fc = nn.Linear(8, 10)
    def forward(self, x):
        return self.fc(self.layers(self.stem(x)).mean((2, 3)))

class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        layer = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 4)
        self.head = nn.Linear(16, 10)
    def forward(self, tokens):
        return self.head(self.encoder(self.embedding(tokens)).mean(1))

class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        self.layers = nn.ModuleList([nn.LSTM(16, 16, batch_first=True, bidirectional=i % 2 == 1) if i % 2 == 0
                                     else nn.Linear(16, 16) for i in range(8)])
        self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, 10)
    def forward(self, tokens):
        x = self.embedding(tokens)
        for layer in self.layers:
            x = layer(x)[0] if isinstance(layer, nn.LSTM) else torch.tanh(layer(x))
        return self.head(self.norm(x)[:, -1])
'''
HUBCONF = '''
import ctypes, os, time
import torch
from nets import Block, Lstm, ResNet, Transformer

def make(kind, plant=None, how="weight"):
    """A model of weights that are the same each time, but for what is planted in the module of that name."""
    torch.manual_seed(1)
    net = {"resnet": ResNet, "transformer": Transformer, "lstm": Lstm}[kind]()
    if plant is None:
        return net
    module = net.get_submodule(plant)
    if how == "weight":
        with torch.no_grad():
            next(module.parameters(recurse=False)).view(-1)[:40] += 0.01
    else:
        setattr(module, how, 1.01)
    return net

class Odd(torch.nn.Module):
    def __init__(self, oddity):
        super().__init__()
        self.oddity, self.layer = oddity, torch.nn.Linear(4, 3)
    def forward(self, x):
        if self.oddity == "crash":
            ctypes.string_at(0)
        if self.oddity == "hang":
            time.sleep(1000)
        if self.oddity == "memory":
            torch.zeros(1 << 40)
        if self.oddity == "structure":
            return {"out": x}
        if self.oddity == "nan":
            return self.layer(x) * float("nan")
        if self.oddity == "raise":
            raise ValueError("no such input")
        if self.oddity == "random":
            return self.layer(x) + torch.randn(3)
        return self.layer(x)

def odd(oddity=""):
    torch.manual_seed(2)
    return Odd(oddity)
'''


def make_repository(case, name="nets"):
    return case.repository(name, hubconf=HUBCONF, nets=NETS)


class PlantedDifferences(RepositoryTest):
    """A change is planted in one module; what is found first has to be that one."""

    INPUTS = {"resnet": lambda: torch.rand(1, 3, 16, 16), "transformer": lambda: torch.randint(0, 50, (1, 9)),
              "lstm": lambda: torch.randint(0, 50, (1, 9))}
    # It computes with its projection's weights itself: nobody calls that one.
    UNSEEN = ".out_proj"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.hub = hubcell.Hub()
        cls.addClassCleanup(cls.hub.close)
        cls.source = make_repository(cls)

    def load(self, *arguments):
        return self.hub.load(self.source, "make", *arguments, source="local").eval()

    def places(self, kind):
        """Ten, drawn: (module, how it is changed)."""
        names = {name.rpartition(".")[0] for name in self.load(kind).state_dict() if "running" not in name}
        names = [(name, "weight") for name in sorted(names)]
        if kind == "resnet":
            names += [(f"layers.{i}", how) for i in range(4) for how in ("scale", "shortcut")]
        return random.Random(kind).sample(names, 10)

    def check(self, kind):
        plain = self.load(kind)
        torch.manual_seed(3)
        example = self.INPUTS[kind]()
        for place, how in self.places(kind):
            with self.subTest(place=place, how=how):
                found = self.hub.compare(plain, self.load(kind, place, how), [example], skip=["speed"]).to_dict()
                modules = found["modules"]
                self.assertEqual(modules["first"], place[:-len(self.UNSEEN)] if place.endswith(self.UNSEEN) else place)
                passes_to = {"weight": None, "scale": f"{place}.conv1", "shortcut": f"{place}.relu"}[how]
                self.assertEqual(modules["first_passes_to"], passes_to)
                changed = {row["name"].rpartition(".")[0] for row in found["weights"]["weights"] if row["change"] != "equal"}
                self.assertEqual(changed, {place} if how == "weight" else set())
                self.assertFalse(found["equal"])

    def test_of_a_residual_network_are_found_where_they_are(self):
        self.check("resnet")

    def test_of_a_transformer_are_found_where_they_are(self):
        self.check("transformer")

    def test_of_a_recurrent_network_are_found_where_they_are(self):
        self.check("lstm")

    def test_are_none_where_nothing_was_planted(self):
        for kind, make_input in self.INPUTS.items():
            found = self.hub.compare(self.load(kind), self.load(kind), [make_input()], skip=["speed"])
            self.assertIsNone(found.to_dict()["modules"]["first"])
            self.assertGreater(len(found.to_dict()["modules"]["modules"]), 8)
            self.assertTrue(all(row["difference"]["equal"] for row in found.to_dict()["modules"]["modules"]))


class Sides(RepositoryTest):
    """What a side does wrong is a part of the result, and costs the other side nothing."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.source, cls.other = make_repository(cls), make_repository(cls, "other")
        cls.hub = hubcell.Hub(deadline=20.0)
        cls.addClassCleanup(cls.hub.close)

    def odd(self, oddity="", source=None):
        return self.hub.load(source or self.other, "odd", oddity, source="local")

    def compare(self, b, count=2, **options):
        inputs = [torch.arange(4.0) + index for index in range(count)]
        return self.hub.compare(self.odd("", self.source), b, inputs, **{"skip": ["modules", "weights", "speed"], **options})

    def test_a_model_equals_itself_on_every_run(self):
        nets = [self.odd("", source) for source in (self.source, self.other)]
        for run in range(20):
            inputs = [torch.randn(4) * 10 ** index for index in range(5)]
            found = self.hub.compare(*nets, inputs, skip=["speed"])
            figures = found.figures
            self.assertTrue(found.equal and found.within)
            self.assertEqual([figures[name] for name in ("max_abs", "max_rel", "max_ulp", "outside", "weights_changed",
                                                         "modules_changed", "failures_a", "failures_b")], [0] * 8)
            self.assertTrue(str(found).startswith("equal"), str(found))

    def test_both_sides_draw_the_same_random_numbers(self):
        found = self.hub.compare(self.odd("random", self.source), self.odd("random"), [torch.zeros(4)] * 3, skip=["speed"])
        self.assertTrue(found.equal)
        self.assertIsNone(found.to_dict()["modules"]["first"])

    def test_a_call_that_raises_is_told_and_the_rest_goes_on(self):
        found = self.compare(self.odd("raise"))
        self.assertEqual(found.figures["failures_b"], 2)
        self.assertEqual(found.figures["failures_a"], 0)
        self.assertIn("ValueError: no such input", found.to_dict()["inputs"][0]["failure"][1])
        self.assertFalse(found.equal)

    def test_a_side_that_dies_each_time_is_not_tried_for_ever(self):
        found = self.compare(self.odd("crash"), count=10)
        self.assertEqual(len(found.to_dict()["inputs"]), 3)
        self.assertIn("SIGSEGV", found.to_dict()["inputs"][0]["failure"][1])
        self.assertIn("the other 7 inputs were not tried", found.to_dict()["warnings"][0])

    def test_memory_that_cannot_be_had_is_an_error_of_its_side(self):
        found = self.compare(self.odd("memory"), count=1)
        self.assertEqual((found.figures["failures_a"], found.figures["failures_b"]), (0, 1))

    def test_another_structure_is_shown_and_infinitely_far_apart(self):
        found = self.compare(self.odd("structure"))
        self.assertEqual(found.figures["same_structure"], 0)
        self.assertEqual(found.figures["max_abs"], "inf")
        self.assertIn("a dict of 1", found.to_dict()["inputs"][0]["difference"]["structure"][0]["b"])

    def test_nan_on_one_side_is_counted_and_no_small_difference(self):
        found = self.compare(self.odd("nan"))
        self.assertEqual((found.figures["nan_a"], found.figures["nan_b"]), (0, 6))
        self.assertTrue(found.holds("max_abs > 1e9 and nan_b > 0"))

    def test_conditions_that_cannot_be_are_errors_that_point_at_the_place(self):
        found = self.compare(self.odd())
        for condition, words in (("max_abs >> 1", "character 10"), ("max_apps > 1", "max_abs"), ("accuracy_b > 0.5", "labels")):
            with self.assertRaisesRegex(hubcell.Error, words):
                found.holds(condition)

    def test_labels_give_accuracies_and_their_difference(self):
        inputs = [torch.randn(4, generator=torch.Generator().manual_seed(index)) for index in range(30)]
        net = self.odd("", self.source)
        labels = [int(net(x).argmax()) for x in inputs]
        found = self.hub.compare(net, self.odd("nan"), inputs, labels=labels, skip=["modules", "weights", "speed"])
        classes = found.to_dict()["classes"]
        self.assertEqual(classes["accuracy"][0]["hits"], 30)
        self.assertEqual(classes["accuracy"][1]["hits"], 0)
        self.assertEqual(found.figures["accuracy_difference"], -1)
        self.assertLess(found.figures["mcnemar_p"], 1e-8)

    def test_arguments_that_cannot_be_are_told_at_once(self):
        net = self.odd()
        with self.assertRaisesRegex(ValueError, "skip"):
            self.hub.compare(net, net, [], skip=["wheels"])
        with self.assertRaisesRegex(ValueError, "2 inputs and 1 labels"):
            self.hub.compare(net, net, [1, 2], labels=[1])
        with self.assertRaises(TypeError):
            self.hub.compare(net, torch.nn.Linear(1, 1), [1])

    def test_the_page_is_one_file_that_needs_nothing_else(self):
        path = os.path.join(self.folder, "page.html")
        self.compare(self.odd("nan"), skip=[], seconds=0.1, rounds=8).save_html(path)
        with open(path, encoding="utf-8") as file:
            page = file.read()
        self.assertLess(len(page.encode()), 1_000_000)
        self.assertNotRegex(page, r'(?:src|href)="(?!data:|#)')


class Command(RepositoryTest):
    """hubcell compare: its exit codes, and what it prints where."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.source = make_repository(cls)

    def run_command(self, *words, **options):
        return subprocess.run([PROGRAM, "compare", *words, "--python", sys.executable, "--no-progress"], capture_output=True,
                              text=True, timeout=SECONDS, check=False, **options)

    def test_the_same_model_is_equal_and_its_command_repeats_it(self):
        done = self.run_command(self.source, self.source, "make", "-a", "resnet", "-x", "rand:1x3x16x16", "--count", "3",
                                "--rounds", "8", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        self.assertTrue(found["equal"])
        self.assertEqual(len(found["inputs"]), 3)
        self.assertEqual(found["figures"]["max_abs"], 0)
        self.assertEqual(found["speed"]["rounds"], 8)
        self.assertIn("--count 3", found["command"])

    def test_a_condition_that_holds_ends_with_3_and_says_why(self):
        done = self.run_command(self.source, self.source, "odd", "-a", "nan", "-x", "rand:4", "--skip", "speed", "--fail-if",
                                "inputs >= 1 and equal")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("inputs is 1, equal is 1", done.stderr)
        self.assertTrue(all(len(line) <= 80 for line in done.stdout.splitlines()), done.stdout)

    def test_a_side_that_cannot_be_loaded_ends_with_1_and_is_in_the_report(self):
        broken = self.repository("broken", hubconf="raise RuntimeError('no weights')")
        done = self.run_command(self.source, broken, "odd", "-x", "rand:4")
        self.assertEqual(done.returncode, 1)
        self.assertIn("did not load", done.stderr)
        self.assertIn("no weights", done.stdout)

    def test_wrong_usage_ends_with_2_before_anything_is_loaded(self):
        for words in (("--fail-if", "max_abs >> 1"), ("--skip", "wheels"), ("--rtol", "-1")):
            done = self.run_command("nowhere/at-all", "@main", "odd", *words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)

    def test_inputs_come_from_the_rows_of_a_file_and_from_folders_of_classes(self):
        numpy.savez(os.path.join(self.folder, "rows.npz"), x=numpy.random.rand(5, 4).astype("float32"), labels=numpy.arange(5) % 3)
        for index, name in enumerate(("cat", "dog")):
            os.makedirs(os.path.join(self.folder, "classes", name), exist_ok=True)
            numpy.save(os.path.join(self.folder, "classes", name, "one.npy"), numpy.full(4, index, dtype="float32"))
        for path, labels in (("rows.npz", [0, 1, 2, 0, 1]), ("classes", [0, 1])):
            done = self.run_command(self.source, self.source, "odd", "--inputs", os.path.join(self.folder, path), "--skip", "speed",
                                    "--skip", "modules", "--json")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual([entry["label"] for entry in json.loads(done.stdout)["inputs"]], labels)

    def test_an_interrupt_ends_it_with_what_is_known_by_then(self):
        page = os.path.join(self.folder, "interrupted.html")
        with subprocess.Popen([PROGRAM, "compare", self.source, self.source, "odd", "-x", "rand:4", "--python", sys.executable,
                               "--rounds", "1000000", "--json", "--html", page, "-v"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as program:
            # Both sides are there once the second has been loaded.
            seen = 0
            while seen < 2:
                line = program.stderr.readline()
                self.assertTrue(line, "it ended by itself")
                seen += "ready" in line
            program.send_signal(signal.SIGINT)
            out, _ = program.communicate(timeout=SECONDS)
        self.assertEqual(program.returncode, 130)
        if out:  # it was interrupted before there was anything to show, else
            self.assertTrue(json.loads(out)["interrupted"])


@unittest.skipUnless(os.path.isdir(os.path.join(MODELS, "github")), "there is no silero-vad: tools/test_environments says why")
class Speech(unittest.TestCase):
    """Two versions of silero-vad hear real speech; numpy has the last word."""

    ALONE = '''
import sys, numpy, torch
folder, chunks, out = sys.argv[1:]
torch.set_num_threads(1)
model = torch.hub.load(folder, "silero_vad", source="local", trust_repo=True)[0].eval()
with torch.no_grad():
    answers = []
    for chunk in numpy.load(chunks):
        model.reset_states()
        answers.append(model(torch.from_numpy(chunk[None]), 16000).numpy())
numpy.save(out, numpy.stack(answers))
'''

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hubcell-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def hear(self):
        """Chunks of 32 ms of somebody who says "front center", at 16 kHz."""
        with wave.open("/usr/share/sounds/alsa/Front_Center.wav") as file:
            frames = numpy.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
        samples = (frames.mean(axis=1)[::3] / 32768).astype("float32")
        numpy.save(self.path("chunks.npy"), samples[:len(samples) // 512 * 512].reshape(-1, 512))

    def alone(self, version):
        checkout = os.path.join(MODELS, "alone", "silero-vad", version)
        subprocess.run(["/usr/bin/python3", "-B", "-c", self.ALONE, checkout, self.path("chunks.npy"), self.path(version + ".npy")],
                       check=True, timeout=SECONDS)
        return numpy.load(self.path(version + ".npy")).astype("float64")

    def test_figures_are_those_that_numpy_finds_in_answers_of_each_alone(self):
        self.hear()
        a, b = self.alone("v5.1"), self.alone("v6.0")
        environment = {**os.environ, "HUBCELL_GITHUB_URL": "file://" + os.path.join(MODELS, "github"), "TORCH_HOME": self.path("torch")}
        done = subprocess.run([PROGRAM, "compare", "snakers4/silero-vad@v5.1", "@v6.0", "silero_vad", "--inputs",
                               self.path("chunks.npy"), "-x", "json:16000", "--reset", "reset_states", "--threads", "1", "--python",
                               "/usr/bin/python3", "--json", "--html", self.path("page.html"), "--rounds", "8"],
                              capture_output=True, text=True, timeout=SECONDS, env=environment, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        gap, size = numpy.abs(b - a), numpy.maximum(numpy.abs(a), numpy.abs(b))
        ulp = numpy.abs(a.astype("float32").view("int32").astype("int64") - b.astype("float32").view("int32"))
        expected = {"max_abs": gap.max(), "mean_abs": gap.mean(), "max_rel": (gap / size).max(), "mean_rel": (gap / size).mean(),
                    "max_ulp": ulp.max(), "outside": (gap > 1e-8 + 1e-5 * numpy.abs(a)).mean(), "inputs": len(a)}
        for name, value in expected.items():
            self.assertAlmostEqual(found["figures"][name], float(value), delta=1e-9 * max(1, float(value)), msg=name)
        for entry, one_a, one_b in zip(found["inputs"], a.ravel(), b.ravel()):
            self.assertEqual(entry["difference"]["tensors"][0]["worst_values"], [one_a, one_b])
        self.assertEqual([side["ref"] for side in found["sides"]], ["v5.1", "v6.0"])
        self.assertEqual(found["code"]["only_b"], 1)
        self.assertLess(os.path.getsize(self.path("page.html")), 1_000_000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
