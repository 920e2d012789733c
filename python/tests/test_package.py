"""The wheel, as it is installed."""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

from tests.support import PROJECT

CAN_BUILD = all(importlib.util.find_spec(name) for name in ("setuptools", "wheel"))


@unittest.skipUnless(CAN_BUILD, "setuptools and wheel are not installed")
class Package(unittest.TestCase):
    def test_builds_without_a_network_and_works_in_an_empty_folder(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            sources = shutil.copytree(PROJECT / "python", Path(folder) / "sources")
            build = f"import setuptools.build_meta as backend; backend.build_wheel({folder!r})"
            subprocess.run([sys.executable, "-c", build], cwd=sources, check=True, capture_output=True)
            [wheel] = Path(folder).glob("tidemark-*.whl")
            names = zipfile.ZipFile(wheel).namelist()
            work = f"import sys; sys.path.insert(0, {str(wheel)!r}); import tidemark; print(tidemark.__file__)"
            printed = subprocess.run([sys.executable, "-c", work], cwd=folder, check=True, capture_output=True, text=True)

        self.assertIn("tidemark/py.typed", names)
        self.assertTrue(any(name.endswith("LICENSE") for name in names), names)
        self.assertEqual([name for name in names if name.startswith(("tests", "bench"))], [])
        self.assertIn(wheel.name, printed.stdout)
