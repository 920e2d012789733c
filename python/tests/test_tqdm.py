"""The bar of tqdm, with tqdm and without."""

import contextlib
import importlib.util
import io
import unittest
from typing import List

import tidemark
from tests.support import ServerTest
from tidemark.tqdm import LEAVES_MAX, tqdm, trange

HAS_TQDM = importlib.util.find_spec("tqdm") is not None


class Bars(ServerTest):
    def setUp(self) -> None:
        self.err = io.StringIO()
        stack = contextlib.ExitStack()
        stack.enter_context(contextlib.redirect_stderr(self.err))
        self.addCleanup(stack.close)

    def test_are_tasks_of_the_job_around_them(self) -> None:
        with tidemark.job("Import", job_id="import") as job:
            for item in tqdm("abc", desc="read: "):
                if item == "b":
                    self.assertTrue(job.flush())
                    self.assertEqual(self.server.lines("import")[1].split()[:2], ["read", "RUNNING"])
            for _ in trange(5, desc="write"):
                pass

        self.assertEqual(
            self.server.lines("import"), ["Import FINISHED 8/8", "read FINISHED 3/3", "write FINISHED 5/5"]
        )

    def test_count_what_is_updated_by_hand(self) -> None:
        with tidemark.job("Manual", job_id="manual") as job:
            with tqdm(total=10, desc="bytes") as bar:
                bar.update(4)
                bar.set_postfix(loss=0.5)
                bar.total = 20
                bar.update(2)
                self.assertTrue(job.flush())
                self.assertEqual(self.server.lines("manual")[1], "bytes RUNNING 6/20")

        reported = self.server.job("manual")
        assert reported is not None
        self.assertEqual(reported["lines"][1], "bytes FINISHED 6/6")
        self.assertEqual(reported["tasks"][1]["message"], "loss=0.5")

    def test_need_no_annotation_without_items(self) -> None:
        with tidemark.job("Typed", job_id="typed"):
            bar = tqdm(total=3)  # mypy rejects this line if the type of the items can't be inferred
            bar.update(3)
            bar.close()

        self.assertEqual(self.server.lines("typed")[1], "loop FINISHED 3/3")

    def test_count_while_they_are_disabled(self) -> None:
        with tidemark.job("Disabled", job_id="disabled"):
            for _ in tqdm(iter("abc"), desc="items", disable=True):
                pass

        self.assertEqual(self.server.lines("disabled"), ["Disabled FINISHED 3/3", "items FINISHED 3/3"])

    def test_take_items_that_have_no_truth_value(self) -> None:
        class Array(List[int]):
            def __bool__(self) -> bool:
                raise ValueError("ambiguous")

        with tidemark.job("Array", job_id="array"):
            for disable in (False, True):
                for _ in tqdm(Array([1, 2]), desc="items", disable=disable):
                    pass

        self.assertEqual(self.server.lines("array")[0], "Array FINISHED 4/4")

    def test_keep_what_was_counted_when_a_loop_is_left(self) -> None:
        with tidemark.job("Left", job_id="left"):
            for item in tqdm(range(10), desc="items"):
                if item == 4:
                    break

        self.assertEqual(self.server.lines("left")[1], "items FINISHED 4/4")

    def test_stop_the_loop_of_a_canceled_job(self) -> None:
        with self.assertRaises(tidemark.JobCanceled):
            with tidemark.job("Canceled", job_id="canceled") as job:
                for _ in tqdm(iter(int, 1), desc="endless"):
                    job.cancel("enough")

        self.assertEqual(self.server.lines("canceled")[0].split()[1], "CANCELED")

    def test_of_loops_in_loops_share_a_task_once_there_are_too_many(self) -> None:
        with tidemark.job("Inner", job_id="inner"):
            for _ in range(LEAVES_MAX + 10):
                for _ in tqdm("ab", desc="inner", disable=True):
                    pass

        lines = self.server.lines("inner")
        self.assertEqual(len(lines), LEAVES_MAX + 2)
        self.assertEqual(lines[0], f"Inner FINISHED {2 * LEAVES_MAX + 20}/{2 * LEAVES_MAX + 20}")
        self.assertEqual(lines[-1], "further loops FINISHED 20/20")

    def test_in_a_job_that_counts_itself_only_show_their_bar(self) -> None:
        with tidemark.job("Leaf", volume=1, job_id="leaf"):
            with self.assertLogs("tidemark", "WARNING") as logs:
                self.assertEqual(list(tqdm("ab")), ["a", "b"])
                self.server.wait_for("leaf", lambda _: bool(logs.output))

        self.assertIn("A bar is not reported", logs.output[0])

    @unittest.skipIf(HAS_TQDM, "tqdm is installed")
    def test_name_what_needs_tqdm_itself(self) -> None:
        with self.assertRaisesRegex(ImportError, "needs tqdm itself"):
            tqdm.pandas()

    @unittest.skipUnless(HAS_TQDM, "tqdm is not installed")
    def test_look_as_those_of_tqdm(self) -> None:
        for _ in tqdm("abc", desc="read"):
            pass

        self.assertIn("read: 100%|", self.err.getvalue())
        self.assertIn("3/3", self.err.getvalue())


SCRIPT = """
import sys
from tidemark.tqdm import tqdm, trange

sys.argv[0] = "/home/ada/train.py"
"""


class Scripts(ServerTest):
    def test_are_jobs_named_after_their_file(self) -> None:
        script = """
for epoch in trange(2, desc="epochs", leave=False):
    for batch in tqdm(iter("abc"), desc=f"batches {epoch}", leave=False):
        pass
"""
        for isolated in (False, True):
            program = self.run_program(SCRIPT + script, isolated=isolated, database=f"bars-{isolated}")

            self.assertEqual(program.end(), 0, program.err)
            self.assertEqual(
                self.lines(f"bars-{isolated}"),
                ["train.py FINISHED 8/8", "epochs FINISHED 2/2", "batches 0 FINISHED 3/3", "batches 1 FINISHED 3/3"],
            )

    def test_one_after_another_are_one_job(self) -> None:
        script = """
for epoch in range(2):
    for batch in tqdm("abc", desc="train"):
        pass
for batch in trange(9, desc="left"):
    if batch == 4:
        break
with tqdm(total=2, desc="by hand") as bar:
    bar.update(2)
"""
        self.assertEqual(self.run_program(SCRIPT + script, database="epochs").end(), 0)
        self.assertEqual(
            self.lines("epochs"),
            ["train.py FINISHED 12/12", "train FINISHED 3/3", "train FINISHED 3/3", "left FINISHED 4/4"]
            + ["by hand FINISHED 2/2"],
        )

    def test_of_an_interactive_session_end_their_job_after_a_while(self) -> None:
        script = """
import tidemark.tqdm
sys.ps1 = ">>> "
tidemark.tqdm.GRACE_SECONDS = 0
list(tqdm("abc", desc="first"))
while not tidemark.tqdm._bars_job._sync.has_ended:
    pass
print("ended", flush=True)
input()
"""
        program = self.run_program(SCRIPT + script, database="session")
        self.assertEqual(program.line(), "ended")
        self.assertEqual(program.end("\n"), 0)
        self.assertEqual(self.lines("session"), ["train.py FINISHED 3/3", "first FINISHED 3/3"])

    def test_fail_with_the_error_that_ends_a_loop(self) -> None:
        script = """
for epoch in tqdm("abc", desc="epochs"):
    if epoch == "b":
        raise ValueError("no data")
"""
        self.assertEqual(self.run_program(SCRIPT + script, database="fails").end(), 1)
        self.assertEqual(self.lines("fails"), ["train.py FAILED 1/3", "epochs FAILED 1/3"])
        reported = self.server.job(None, "fails")
        assert reported is not None
        self.assertEqual(reported["tasks"][0]["message"], "ValueError: no data")

    def test_finish_when_they_exit_after_a_loop_that_was_left(self) -> None:
        script = """
for epoch in tqdm("abc", desc="epochs"):
    if epoch == "c":
        break
"""
        self.assertEqual(self.run_program(SCRIPT + script, database="leaves").end(), 0)
        self.assertEqual(self.lines("leaves"), ["train.py FINISHED 2/2", "epochs FINISHED 2/2"])

    def lines(self, database: str) -> List[str]:
        reported = self.server.job(None, database)
        return list(reported["lines"]) if reported else []
