"""What a job reports: trees, counts, loops, iterations, messages, log lines."""

import asyncio
import logging
import os
import pickle
import sys
import threading
from typing import AsyncIterator, Iterator

import tidemark
from tests.support import ServerTest


class Reporting(ServerTest):
    def test_counts_the_loops_of_declared_tasks(self) -> None:
        with tidemark.job("Import", tidemark.leaf("read"), tidemark.leaf("write", volume=500), job_id="import") as job:
            rows = list(job.track(range(3), "read"))
            with job.run("write") as write:
                write.advance(499)
                write.advance()

        self.assertEqual(rows, [0, 1, 2])
        self.assertEqual(
            self.server.lines("import"),
            ["Import FINISHED 503/503", "read FINISHED 3/3", "write FINISHED 500/500"],
        )

    def test_adds_a_leaf_for_a_loop_whose_name_is_new(self) -> None:
        with tidemark.job("Greet", job_id="greet") as job:
            for _ in job.track(iter("ab"), "names"):
                pass

        self.assertEqual(self.server.lines("greet"), ["Greet FINISHED 2/2", "names FINISHED 2/2"])

    def test_counts_on_the_job_itself_if_it_has_no_tasks(self) -> None:
        with tidemark.job("Alone", job_id="alone") as job:
            for _ in job.track([1, 2]):
                pass

        self.assertEqual(self.server.lines("alone"), ["Alone FINISHED 2/2"])

    def test_reports_a_fraction(self) -> None:
        with tidemark.job("Fraction", job_id="fraction") as job:
            job.progress(0.29)
            self.assertTrue(job.flush())

            self.assertEqual(self.server.lines("fraction"), ["Fraction RUNNING 290/1000"])

    def test_ignores_values_that_mean_nothing_with_one_warning(self) -> None:
        with self.assertLogs("tidemark", logging.WARNING) as logs:
            with tidemark.job("Odd", volume=9, job_id="odd") as job:
                job.advance(2)
                for odd in (float("nan"), -1, "5", None):
                    job.advance(odd)  # type: ignore[arg-type]
                    job.set(odd)  # type: ignore[arg-type]
                    job.volume(odd)  # type: ignore[arg-type]
                    job.progress(odd)  # type: ignore[arg-type]
                job.progress(40)
                job.advance()
                self.assertTrue(job.flush())
                self.assertEqual(self.server.lines("odd"), ["Odd RUNNING 3/9"])

        self.assertEqual(len(logs.output), 1)
        self.assertIn('Ignored advance(nan) of task "Odd": expected a number from 0.', logs.output[0])

    def test_says_what_a_fraction_is(self) -> None:
        with self.assertLogs("tidemark", logging.WARNING) as logs:
            with tidemark.job("Forty", job_id="forty") as job:
                job.progress(40)
                self.assertTrue(job.flush())

        self.assertIn("Ignored progress(40)", logs.output[0])
        self.assertIn("a fraction from 0 to 1, such as 0.4 for 40%", logs.output[0])

    def test_rejects_a_volume_that_is_no_number(self) -> None:
        for volume in (-1, float("nan"), "many"):
            with self.assertRaisesRegex(TypeError, "Invalid volume"):
                tidemark.leaf("read", volume=volume)  # type: ignore[arg-type]

    def test_begins_no_iteration_on_the_server_after_the_end(self) -> None:
        iterate = tidemark.iterative("iterate", tidemark.task("pair", tidemark.leaf("left")))
        with tidemark.job("Ended", iterate, job_id="ended") as job:
            task = job.sub("iterate")
            job.fail("disk full")
            iteration = task.next()
            iteration.sub("pair").log.info("still going")
            self.assertTrue(job.flush())

        self.assertEqual(self.server.lines("ended"), ["Ended FAILED 0/?", "iterate PENDING 0/?"])

    def test_is_called_to_write_a_line_of_the_log(self) -> None:
        with tidemark.job("Logs", job_id="logs-called") as job:
            job.log("%d rows", 3)

        job_now = self.server.job("logs-called")
        assert job_now is not None
        self.assertEqual(job_now["messages"], ["3 rows"])

    def test_stores_a_job_that_reports_nothing_while_it_runs(self) -> None:
        with tidemark.job("Subprocess", job_id="subprocess"):
            self.server.wait_for_lines("subprocess", "Subprocess RUNNING 0/?")

    def test_gives_a_job_tasks_that_was_stored_without(self) -> None:
        with tidemark.job("Late", job_id="late", rejects_existing=True) as job:
            self.server.wait_for_lines("late", "Late RUNNING 0/?")
            for _ in job.track("abc", "letters"):
                pass

        self.assertEqual(self.server.lines("late"), ["Late FINISHED 3/3", "letters FINISHED 3/3"])

    def test_keeps_what_was_counted_when_a_loop_is_left(self) -> None:
        with tidemark.job("Left", job_id="left") as job:
            for item in job.track(range(10), "items"):
                if item == 4:
                    break

        self.assertEqual(self.server.lines("left"), ["Left FINISHED 4/4", "items FINISHED 4/4"])

    def test_closes_the_iterator_of_a_loop_that_is_left(self) -> None:
        closed = []

        def items() -> Iterator[int]:
            try:
                yield from range(10)
            finally:
                closed.append(True)

        with tidemark.job("Closed", job_id="closed") as job:
            for _ in job.track(items(), "items"):
                break

        self.assertEqual(closed, [True])

    def test_counts_async_loops(self) -> None:
        async def items() -> AsyncIterator[int]:
            for item in range(3):
                yield item

        async def work() -> None:
            with tidemark.job("Async", job_id="async") as job:
                async for _ in job.track_async(items(), "items", volume=3):
                    await asyncio.sleep(0)

        asyncio.run(work())
        self.assertEqual(self.server.lines("async"), ["Async FINISHED 3/3", "items FINISHED 3/3"])

    def test_repeats_tasks(self) -> None:
        iterate = tidemark.iterative("iterate", tidemark.leaf("step", volume=2), max=5)
        with tidemark.job("Rank", iterate, job_id="rank") as job, job.run("iterate") as task:
            for iteration in task.iterations():
                list(iteration.track("ab", "step"))
                if iteration.number == 2:
                    break

        job_now = self.server.job("rank")
        assert job_now is not None
        self.assertEqual(job_now["lines"][1:4], ["iterate FINISHED 4/4", "step FINISHED 2/2", "step FINISHED 2/2"])
        self.assertEqual(job_now["tasks"][1]["currentIteration"], 2)

    def test_nests_and_adds_tasks(self) -> None:
        outer = tidemark.task("outer", tidemark.leaf("inner", volume=1))
        with tidemark.job("Nested", outer, job_id="nested") as job:
            with job.run("outer") as task:
                with task.run("inner") as inner:
                    inner.advance()
                with task.add(tidemark.leaf("added", volume=2)) as added:
                    added.set(2)
                    added.set(1)

        self.assertEqual(
            self.server.lines("nested"),
            ["Nested FINISHED 3/3", "outer FINISHED 3/3", "inner FINISHED 1/1", "added FINISHED 2/2"],
        )

    def test_takes_the_next_task_of_a_name(self) -> None:
        with tidemark.job("Images", tidemark.leaf("convert"), tidemark.leaf("convert"), job_id="images") as job:
            for units in (3, 5):
                with job.run("convert") as convert:
                    convert.advance(units)
            with self.assertRaisesRegex(TypeError, 'has no pending subtask "convert". Its subtasks: "convert"'):
                job.run("convert")

        self.assertEqual(self.server.lines("images")[1:], ["convert FINISHED 3/3", "convert FINISHED 5/5"])

    def test_writes_messages_and_log_lines(self) -> None:
        with tidemark.job("Log", tidemark.leaf("read"), job_id="log") as job:
            job.log.info("%d rows", 3)
            with job.run("read") as read:
                read.message("people.csv")
                read.log.warn("no name")
                read.log.error("100%")
                read.log.debug("%d", "not a number")

        reported = self.server.job("log")
        assert reported is not None
        self.assertEqual(reported["tasks"][1]["message"], "people.csv")
        self.assertEqual(
            [(line["level"], line["message"], line["path"]) for line in reported["log"]],
            [("INFO", "3 rows", ""), ("WARNING", "no name", "0"), ("ERROR", "100%", "0"), ("DEBUG", "%d not a number", "0")],
        )

    def test_counts_on_the_only_leaf_without_a_name_and_adds_several_tasks(self) -> None:
        with tidemark.job("Only", tidemark.leaf("read"), job_id="only") as job:
            list(job.track("abc"))
            first = job.add(tidemark.leaf("a", volume=1), tidemark.leaf("b", volume=2))
            self.assertEqual(first.description, "a")

        self.assertEqual(
            self.server.lines("only"),
            ["Only FINISHED 3/3", "read FINISHED 3/3", "a CANCELED 0/1", "b CANCELED 0/2"],
        )

    def test_says_that_async_code_uses_a_plain_with(self) -> None:
        async def work() -> None:
            async with tidemark.job("Async"):
                pass

        with self.assertRaisesRegex(TypeError, "use `with`, also in async code"):
            asyncio.run(work())

    def test_adds_the_traceback_of_a_handled_error(self) -> None:
        with tidemark.job("Handled", job_id="handled") as job:
            try:
                raise ValueError("no name")
            except ValueError:
                job.log.exception("row %d", 7)
            job.log.critical("disk full")

        reported = self.server.job("handled")
        assert reported is not None
        self.assertEqual([line["level"] for line in reported["log"]], ["ERROR", "ERROR"])
        self.assertRegex(reported["messages"][0], r"(?s)^row 7\nTraceback .*ValueError: no name$")

    def test_passes_the_records_of_logging_on(self) -> None:
        logger = logging.Logger("work")
        with tidemark.job("Records", job_id="records") as job:
            logger.addHandler(tidemark.LogHandler(job, logging.INFO))
            logger.debug("left out")
            logger.warning("row %d", 7)

        reported = self.server.job("records")
        assert reported is not None
        self.assertEqual(reported["messages"], ["row 7"])
        self.assertEqual(reported["log"][0]["level"], "WARNING")

    def test_passes_no_record_on_to_a_job_that_has_ended(self) -> None:
        root = logging.getLogger()
        before = list(root.handlers)
        for name in ("one", "two"):
            with tidemark.job("Records", job_id=f"records-{name}") as job:
                root.addHandler(tidemark.LogHandler(job, logging.INFO))
                logging.getLogger("work.rows").warning(name)

        logging.getLogger("work.rows").warning("no job")
        self.assertEqual(root.handlers, before)
        for name in ("one", "two"):
            reported = self.server.job(f"records-{name}")
            assert reported is not None
            self.assertEqual(reported["messages"], [name])

    def test_counts_each_tick_of_two_threads_once(self) -> None:
        leaves = [tidemark.leaf("shared", volume=400_000), tidemark.leaf("a"), tidemark.leaf("b")]
        with tidemark.job("Threads", *leaves, job_id="threads") as job:
            shared = job.sub("shared")

            def work(name: str) -> None:
                for _ in job.track(range(200_000), name):
                    shared.advance()

            interval = sys.getswitchinterval()
            sys.setswitchinterval(1e-6)
            threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            sys.setswitchinterval(interval)
            self.assertTrue(job.flush())

            self.assertEqual(
                self.server.lines("threads")[1:],
                ["shared RUNNING 400000/400000", "a FINISHED 200000/200000", "b FINISHED 200000/200000"],
            )

    def test_overwrites_a_job_of_the_same_id_and_stops_the_first_one(self) -> None:
        first = tidemark.job("First", volume=10, job_id="twice")
        first.advance(1)
        self.assertTrue(first.flush())
        with self.assertLogs("tidemark", "WARNING") as logs:
            with tidemark.job("Second", volume=10, job_id="twice") as second:
                second.advance(2)
                self.assertTrue(second.flush())
                first.advance(5)
                self.assertFalse(first.flush())
                self.assertEqual(self.server.lines("twice"), ["Second RUNNING 2/10"])
        self.assertIn("Another worker has stored the job since", logs.output[0])

    def test_keeps_an_existing_job_if_asked_to(self) -> None:
        with tidemark.job("First", volume=1, job_id="kept") as first:
            self.assertTrue(first.flush())
            with self.assertLogs("tidemark", "WARNING") as logs:
                with tidemark.job("Second", volume=1, job_id="kept", rejects_existing=True) as second:
                    self.assertFalse(second.flush())
            self.assertEqual(self.server.lines("kept"), ["First RUNNING 0/1"])
        self.assertIn('Job "kept" is not reported any more', logs.output[0])

    def test_stays_removed_if_a_user_removes_it(self) -> None:
        with tidemark.job("Removed", volume=2, job_id="removed") as job:
            self.assertTrue(job.flush())
            self.server.remove("removed")
            with self.assertLogs("tidemark", "WARNING"):
                job.advance()
                self.assertFalse(job.flush())
        self.assertIsNone(self.server.job("removed"))

    def test_knows_its_address_in_the_dashboard(self) -> None:
        with tidemark.job("Address", job_id="a b", database="other", username="ada", url=self.server.url + "/") as job:
            self.assertEqual(job.url, f"{self.server.url}/?database=other&owner=ada&job=a+b")

    def test_reads_the_database_of_the_environment(self) -> None:
        os.environ["TIDEMARK_DATABASE"] = "elsewhere"
        self.addCleanup(os.environ.pop, "TIDEMARK_DATABASE")
        with tidemark.job("Environment", job_id="environment"):
            pass
        self.assertIsNotNone(self.server.job("environment", "elsewhere"))


class Misuse(ServerTest):
    def test_names_the_tasks_that_exist(self) -> None:
        job = tidemark.job("Import", tidemark.leaf("read"))
        with self.assertRaisesRegex(TypeError, 'Task "Import" has no subtask "wrote". Its subtasks: "read".'):
            job.run("wrote")

    def test_rejects_progress_of_a_task_with_subtasks(self) -> None:
        job = tidemark.job("Import", tidemark.leaf("read"))
        for name in ("advance", "set", "progress", "volume"):
            with self.assertRaisesRegex(TypeError, "is not a leaf"):
                getattr(job, name)(0.5)

    def test_rejects_more_iterations_than_declared(self) -> None:
        job = tidemark.job("Rank", tidemark.iterative("iterate", tidemark.leaf("step"), max=1))
        iterate = job.sub(0)
        iterate.next()
        with self.assertRaisesRegex(TypeError, "has started all of its 1 iterations"):
            iterate.next()

    def test_rejects_trees_without_leaves(self) -> None:
        with self.assertRaisesRegex(TypeError, "has no subtasks"):
            tidemark.task("empty")
        with self.assertRaisesRegex(TypeError, "has no subtasks"):
            tidemark.iterative("empty")
        with self.assertRaisesRegex(TypeError, "its volume is the sum of theirs"):
            tidemark.job("Import", tidemark.leaf("read"), volume=3)

    def test_rejects_a_second_block_of_a_job(self) -> None:
        with tidemark.job("Twice", job_id="blocks") as job:
            with self.assertRaisesRegex(TypeError, 'Job "blocks" already had its `with` block'):
                with job:
                    pass

    def test_rejects_to_send_a_job_to_another_process(self) -> None:
        with self.assertRaisesRegex(TypeError, 'Job "sent" cannot be sent to another process'):
            pickle.dumps(tidemark.job("Sent", job_id="sent"))

    def test_shows_what_a_job_is(self) -> None:
        job = tidemark.job("Shown", job_id="shown")
        self.assertEqual(repr(job), f"<tidemark.Job 'shown' in 'default', PENDING, {job.url}>")

    def test_rejects_a_second_run_of_a_task(self) -> None:
        job = tidemark.job("Import", tidemark.leaf("read"))
        with job.run("read"):
            pass
        with self.assertRaisesRegex(TypeError, "has ended"):
            with job.sub("read"):
                pass
