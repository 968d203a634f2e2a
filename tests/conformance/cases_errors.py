"""Failures of hubconf.py and of its entrypoints."""

import os

from case import HUBCONF, case


@case
def test_an_entrypoint_that_is_missing_or_not_callable(t):
    name = t.repository(HUBCONF + "constant = 1\nempty = None\n")
    for entry in ("nothing", "constant", "empty"):
        text = f"Cannot find callable {entry} in hubconf"
        t.assert_raises(RuntimeError, text, t.load, name, entry)
        t.assert_raises(RuntimeError, text, t.hub.help, name, entry, trust_repo=True)


@case
def test_an_entrypoint_with_an_underscore_loads(t):
    t.assertEqual(t.hub.load(t.folder("def _hidden(): return 1\n"), "_hidden", source="local"), 1)


@case
def test_the_name_of_an_entrypoint_is_a_str(t):
    name, text = t.repository(), "Invalid input: model should be a string of function name"
    for entry in (None, 3, len):
        t.assert_raises(ValueError, text, t.load, name, entry)
        t.assert_raises(ValueError, text, t.hub.help, name, entry, trust_repo=True)


@case
def test_missing_dependencies_are_named(t):
    name = t.repository("dependencies = ['torch', 'no_such_package', 'nor_this']\ndef entry(): pass\n")
    text = "Missing dependencies: no_such_package, nor_this"
    t.assert_raises(RuntimeError, text, t.load, name)
    t.assert_raises(RuntimeError, text, t.hub.help, name, "entry", trust_repo=True)
    t.assertEqual(t.hub.list(name, trust_repo=True), ["entry"])


@case
def test_dependencies_that_are_there_or_not_given(t):
    for dependencies in ("['torch', 'json']", "[]", "None"):
        folder = t.folder(f"dependencies = {dependencies}\ndef entry(): return 1\n")
        t.assertEqual(t.hub.load(folder, "entry", source="local"), 1)


@case
def test_a_module_that_hubconf_imports_and_nobody_has(t):
    t.assert_raises(ModuleNotFoundError, "No module named 'no_such_package'", t.load,
                    t.repository("dependencies = ['no_such_package']\nimport no_such_package\ndef entry(): pass\n"))


@case
def test_a_repository_without_a_hubconf(t):
    kind = t.differs("a repository without hubconf.py is a SourceError", torch_hub=FileNotFoundError,
                     hubcell=RuntimeError)
    t.assert_raises(kind, "hubconf.py", t.load, t.repository({"README": "nothing\n"}))


@case
def test_a_folder_that_is_not_there(t):
    kind = t.differs("a folder that is not there is a SourceError", torch_hub=FileNotFoundError, hubcell=RuntimeError)
    t.assert_raises(kind, "none", t.hub.load, os.path.join(t.root, "none"), "entry", source="local")


@case
def test_a_hubconf_that_is_no_python(t):
    t.assert_raises(SyntaxError, "invalid syntax", t.hub.load, t.folder("def entry( = 1\n"), "entry", source="local")


@case
def test_a_hubconf_that_raises(t):
    folder = t.folder("raise OSError('broken')\n")
    t.assert_raises(OSError, "broken", t.hub.load, folder, "entry", source="local")


@case
def test_builtin_exceptions_of_an_entrypoint(t):
    folder = t.folder("def entry(kind): raise kind_of(kind)('no weights')\n"
                      "def kind_of(name): return getattr(__import__('builtins'), name)\n")
    for kind in (ValueError, TypeError, KeyError, RuntimeError, NotImplementedError, OSError, PermissionError,
                 StopIteration, MemoryError, FloatingPointError, UnicodeError, SyntaxError, ImportError):
        raised = t.assert_raises(kind, "no weights", t.hub.load, folder, "entry", kind.__name__, source="local")
        t.assertEqual(type(raised).__name__, kind.__name__)
        t.assertEqual(raised.args == ("no weights",), t.differs(
            "the message of an exception has the repository before it and the worker's traceback behind it, but for "
            "the key of a KeyError", torch_hub=True, hubcell=kind is KeyError))


@case
def test_wrong_arguments_of_an_entrypoint(t):
    t.assert_raises(TypeError, "size", t.hub.load, t.folder("def entry(): pass\n"), "entry", size=1, source="local")


@case
def test_exceptions_of_an_entrypoints_own_classes(t):
    folder = t.folder("class Broken(LookupError): pass\ndef entry(): raise Broken('no weights')\n")
    raised = t.assert_raises(LookupError, "no weights", t.hub.load, folder, "entry", source="local")
    t.assertEqual(type(raised).__name__, "Broken")


@case
def test_an_entrypoint_that_exits(t):
    kind = t.differs("what is no Exception arrives as hubcell.Error", torch_hub=SystemExit, hubcell=RuntimeError)
    t.assert_raises(kind, "", t.hub.load, t.folder("import sys\ndef entry(): sys.exit(3)\n"), "entry", source="local")


@case
def test_a_failure_leaves_the_next_load_alone(t):
    name = t.repository(HUBCONF + "def fails(): raise ValueError('no')\n")
    t.assert_raises(ValueError, "no", t.load, name, "fails")
    t.assertEqual(t.load(name, "entry", 1), ((1,), {}))
