"""What the tests of the package share: repositories made of a few lines."""

import os
import tempfile
import textwrap
import unittest


class RepositoryTest(unittest.TestCase):
    """Each test class has a folder for its repositories."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="hubcell-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name

    @classmethod
    def repository(cls, name, **files):
        """A folder with these files; `hubconf="..."` becomes hubconf.py. Its path."""
        path = os.path.join(cls.folder, name)
        os.makedirs(path, exist_ok=True)
        for file, text in files.items():
            source_path = os.path.join(path, file + ".py")
            os.makedirs(os.path.dirname(source_path), exist_ok=True)
            with open(source_path, "w", encoding="utf-8") as source:
                source.write(textwrap.dedent(text))
        return path
