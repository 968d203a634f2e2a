"""list, help and load: what goes in and what comes out."""

import inspect
import os
import pathlib

import torch

from case import HUBCONF, case

VALUES = '''
import torch
from torch.nn import Linear
NUMBER = 3

def nothing(): return None
def numbers(): return 1, 2.5, True
def texts(): return {"a": ["b"], "c": b"d"}
def tensor(): return torch.arange(6.0).reshape(2, 3)
def _hidden(): pass

class Tokenizer:
    """Splits."""
    sep = " "
    def encode(self, text): return text.split(self.sep)

def tokenizer(sep=" "):
    one = Tokenizer()
    one.sep = sep
    return one
'''
# torch 2's, which hubcell has whatever torch it runs with.
SIGNATURES = {
    "list": "(github, force_reload=False, skip_validation=False, trust_repo='check', verbose=True)",
    "help": "(github, model, force_reload=False, skip_validation=False, trust_repo='check')",
    "load": "(repo_or_dir, model, *args, source='github', trust_repo='check', force_reload=False, verbose=True, "
            "skip_validation=False, **kwargs)",
    "download_url_to_file": "(url, dst, hash_prefix=None, progress=True)",
    "load_state_dict_from_url": "(url, model_dir=None, map_location=None, progress=True, check_hash=False, file_name=None, "
                                "weights_only=False)",
}


@case
def test_signatures_are_those_of_torch_2(t):
    for name, signature in SIGNATURES.items():
        if t.is_old_torch_hub:
            signature = signature.replace("'check'", "None")
            signature = signature.replace(", verbose=True)", ")") if name == "list" else signature
            signature = signature.replace(", weights_only=False", "")
        # Annotations differ between versions of torch.
        found = inspect.signature(getattr(t.hub, name)).parameters.values()
        plain = inspect.Signature([parameter.replace(annotation=inspect.Parameter.empty) for parameter in found])
        t.assertEqual(str(plain), signature)


@case
def test_list_names_the_callables_without_an_underscore_imported_ones_too(t):
    t.assertEqual(t.hub.list(t.repository(VALUES), trust_repo=True),
                  ["Linear", "Tokenizer", "nothing", "numbers", "tensor", "texts", "tokenizer"])


@case
def test_list_and_help_take_all_parameters(t):
    name = t.repository()
    verbose = {} if t.is_old_torch_hub else {"verbose": False}
    both = {"force_reload": True, "skip_validation": True}
    t.assertEqual(t.hub.list(name, trust_repo=True, **both, **verbose), ["entry", "net"])
    t.assertIn("What it was given.", t.hub.help(name, "entry", trust_repo="check", **both))
    t.assertEqual(t.hub.list(name, False, False, True), ["entry", "net"])
    t.assertIn("What it was given.", t.hub.help(name, "entry", False, False, True))


@case
def test_help_gives_the_docstring(t):
    t.assertEqual(t.hub.help(t.repository(), "entry", trust_repo=True), "What it was given.")


@case
def test_help_without_a_docstring(t):
    t.assertIsNone(t.hub.help(t.repository(), "net", trust_repo=True))


@case
def test_arguments_and_keywords_reach_the_entrypoint(t):
    name = t.repository()
    t.assertEqual(t.load(name, "entry", 1, "two", [3.0], size=4, github="x", pretrained=False),
                  ((1, "two", [3.0]), {"size": 4, "github": "x", "pretrained": False}))


@case
def test_all_parameters_of_load_by_name(t):
    name = t.repository()
    t.assertEqual(t.hub.load(repo_or_dir=name, model="entry", source="github", trust_repo=True, force_reload=True,
                             verbose=False, skip_validation=True, size=1), ((), {"size": 1}))


@case
def test_values_come_back_as_they_are(t):
    folder = t.folder(VALUES)
    for entry, expected in (("nothing", None), ("numbers", (1, 2.5, True)), ("texts", {"a": ["b"], "c": b"d"})):
        t.assertEqual(t.hub.load(folder, entry, source="local"), expected)
    t.assertTrue(torch.equal(t.hub.load(folder, "tensor", source="local"), torch.arange(6.0).reshape(2, 3)))


@case
def test_a_model_is_a_module_with_the_numbers_of_the_callers_seed(t):
    torch.manual_seed(5)
    expected = torch.nn.Linear(3, 1)
    torch.manual_seed(5)
    model = t.load(t.repository(), "net", size=3)
    t.assertIsInstance(model, torch.nn.Module)
    t.assertTrue(model.training)
    t.assertIs(model.eval(), model)
    t.assertTrue(torch.equal(model(torch.ones(2, 3)), expected(torch.ones(2, 3))))
    t.assertTrue(torch.equal(model.state_dict()["weight"], expected.weight))


@case
def test_other_objects_have_their_attributes_and_methods(t):
    tokenizer = t.hub.load(t.folder(VALUES), "tokenizer", sep=",", source="local")
    t.assertEqual((tokenizer.sep, tokenizer.encode("a,b")), (",", ["a", "b"]))
    tokenizer.sep = ";"
    t.assertEqual(tokenizer.encode("a,b;c"), ["a,b", "c"])
    t.assertEqual(type(tokenizer).__name__, t.differs("the type of what lives in a worker is hubcell.Handle",
                                                      torch_hub="Tokenizer", hubcell="Handle"))


@case
def test_a_class_is_an_entrypoint(t):
    t.assertEqual(t.hub.load(t.folder(VALUES), "Tokenizer", source="local").encode("a b"), ["a", "b"])


# ---- source


@case
def test_a_local_folder_by_full_path_by_relative_path_and_as_a_path(t):
    folder = t.folder(HUBCONF)
    os.chdir(os.path.dirname(folder))
    for given in (folder, os.path.basename(folder), "./" + os.path.basename(folder), pathlib.Path(folder)):
        t.assertEqual(t.hub.load(given, "entry", 1, source="local"), ((1,), {}))


@case
def test_a_local_folder_is_read_anew_by_each_load(t):
    folder = t.folder("def entry(): return 1\n")
    t.assertEqual(t.hub.load(folder, "entry", source="local"), 1)
    with open(os.path.join(folder, "hubconf.py"), "w", encoding="utf-8") as file:
        file.write("def entry(): return 'two'\n")
    t.assertEqual(t.hub.load(folder, "entry", source="local"), "two")


@case
def test_options_of_downloads_mean_nothing_to_a_local_folder(t):
    t.assertEqual(t.hub.load(t.folder(HUBCONF), "entry", source="local", force_reload=True, verbose=True,
                             skip_validation=True), ((), {}))


@case
def test_the_source_is_written_in_any_case(t):
    t.assertEqual(t.hub.load(t.folder(HUBCONF), "entry", source="LOCAL"), ((), {}))
    t.assertEqual(t.load(t.repository(), "entry", source="GitHub"), ((), {}))


@case
def test_an_unknown_source_is_refused(t):
    for source in ("gitlab", ""):
        with t.assertRaises(ValueError) as caught:
            t.hub.load("acme/net", "entry", source=source)
        t.assertEqual(str(caught.exception), f'Unknown source: "{source}". Allowed values: "github" | "local".')
