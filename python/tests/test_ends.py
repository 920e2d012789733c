"""How a job ends: by its block, an error, a cancel request, a signal, or the exit of the interpreter."""

import logging
import os
import signal
from typing import Iterator

import tidemark
from tests.support import ServerTest


class EndOfTheBlock(ServerTest):
    def test_fails_with_the_error_and_its_causes(self) -> None:
        with self.assertRaises(ValueError):
            with tidemark.job("Fail", tidemark.leaf("read"), job_id="fail") as job, job.run("read"):
                try:
                    raise ConnectionError("refused")
                except ConnectionError as cause:
                    raise ValueError("no rows") from cause

        reported = self.server.job("fail")
        assert reported is not None
        self.assertEqual(reported["lines"], ["Fail FAILED 0/?", "read FAILED 0/?"])
        self.assertEqual(reported["tasks"][0]["message"], "ValueError: no rows: caused by ConnectionError: refused")

    def test_fails_with_an_error_that_has_no_text(self) -> None:
        class Nasty(Exception):
            def __str__(self) -> str:
                raise RuntimeError

        with self.assertRaises(Nasty):
            with tidemark.job("Nasty", job_id="nasty"):
                raise Nasty

        reported = self.server.job("nasty")
        assert reported is not None
        self.assertEqual(reported["tasks"][0]["message"], "Nasty: a Nasty that has no text")

    def test_cancels_by_keyboard_interrupt(self) -> None:
        with self.assertRaises(KeyboardInterrupt):
            with tidemark.job("Interrupted", job_id="interrupted"):
                raise KeyboardInterrupt

        reported = self.server.job("interrupted")
        assert reported is not None
        self.assertEqual(reported["tasks"][0]["message"], "Interrupted by SIGINT")
        self.assertEqual(reported["lines"], ["Interrupted CANCELED 0/?"])

    def test_takes_the_exit_code_for_the_outcome(self) -> None:
        for code, line in ((0, "Exit FINISHED 0/0"), (3, "Exit FAILED 0/?")):
            with self.assertRaises(SystemExit):
                with tidemark.job("Exit", job_id="exit"):
                    raise SystemExit(code)
            self.assertEqual(self.server.lines("exit"), [line])

    def test_takes_the_text_of_an_exit_for_the_reason(self) -> None:
        with self.assertRaises(SystemExit):
            with tidemark.job("Config", job_id="config"):
                raise SystemExit("config missing")

        reported = self.server.job("config")
        assert reported is not None
        self.assertEqual(reported["tasks"][0]["message"], "exited: config missing")

    def test_fails_the_leaf_of_a_loop_whose_items_fail(self) -> None:
        def items() -> Iterator[int]:
            yield 1
            raise OSError("broken")

        with self.assertRaises(OSError):
            with tidemark.job("Items", job_id="items") as job:
                for _ in job.track(items(), "items"):
                    pass

        self.assertEqual(self.server.lines("items"), ["Items FAILED 1/?", "items FAILED 1/?"])


class WorkAfterTheEnd(ServerTest):
    def test_goes_on_without_being_reported(self) -> None:
        with tidemark.job("Over", tidemark.leaf("a"), tidemark.iterative("b", tidemark.leaf("c")), job_id="over") as job:
            job.fail("given up")
            self.assertEqual(list(job.track("xyz", "a")), ["x", "y", "z"])
            self.assertEqual(list(job.track("xyz", "new")), ["x", "y", "z"])
            with job.add(tidemark.leaf("added")) as added, job.run("b") as b:
                added.advance()
                added.log.info("a line")
                list(b.next().track("xyz", "c"))
            self.assertTrue(job.flush())

        reported = self.server.job("over")
        assert reported is not None
        self.assertEqual(
            reported["lines"], ["Over FAILED 0/?", "a PENDING 0/?", "b PENDING 0/?"]
        )
        self.assertEqual(reported["messages"], ["a line"])


class CancelRequests(ServerTest):
    def test_raise_in_a_tracked_loop(self) -> None:
        def items() -> Iterator[int]:
            yield 0
            self.assertTrue(job.flush())
            self.server.cancel("loop", "wrong file")
            while True:  # until the request arrives
                yield 1

        with self.assertRaises(tidemark.JobCanceled) as raised:
            with tidemark.job("Loop", job_id="loop") as job:
                for _ in job.track(items(), "items"):
                    pass

        self.assertTrue(job.cancelled)
        self.assertEqual(str(raised.exception), "Canceled at the request of anonymous: wrong file")
        reported = self.server.job("loop")
        assert reported is not None
        self.assertEqual([task["status"] for task in reported["tasks"]], ["CANCELED", "CANCELED"])
        self.assertEqual(reported["tasks"][0]["message"], "Canceled at the request of anonymous: wrong file")

    def test_reach_a_job_that_reports_nothing(self) -> None:
        with self.assertRaises(tidemark.JobCanceled):
            with tidemark.job("Quiet", volume=1, job_id="quiet") as job:
                self.assertTrue(job.flush())
                self.server.cancel("quiet")
                while True:
                    self.server.lines("quiet")
                    job.raise_if_cancelled()

        self.assertEqual(self.server.lines("quiet"), ["Quiet CANCELED 0/1"])

    def test_stop_iterations(self) -> None:
        with tidemark.job("Rank", tidemark.iterative("iterate", tidemark.leaf("step")), job_id="rank") as job:
            with self.assertRaises(tidemark.JobCanceled):
                for _ in job.sub("iterate").iterations():
                    job.cancel("enough")

        reported = self.server.job("rank")
        assert reported is not None
        self.assertEqual(reported["tasks"][0]["status"], "CANCELED")
        self.assertEqual(reported["tasks"][0]["message"], "enough")


class EndOfTheProcess(ServerTest):
    def test_cancels_open_jobs_by_sigterm_and_dies_by_it(self) -> None:
        program = self.run_program(
            """
            import tidemark
            with tidemark.job("Term", volume=5, job_id="term") as job:
                job.advance(2)
                job.flush()
                print("running", flush=True)
                input()
            """
        )
        self.assertEqual(program.line(), "running")
        program.signal(signal.SIGTERM)

        reported = self.server.wait_for_lines("term", "Term CANCELED 2/5")
        self.assertEqual(reported["tasks"][0]["message"], "Interrupted by SIGTERM")
        self.assertEqual(program.end(), -signal.SIGTERM)

    def test_cancels_by_sighup_a_job_whose_loop_never_ends(self) -> None:
        program = self.run_program(
            """
            import itertools, signal, tidemark
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it
            with tidemark.job("Hup", job_id="hup") as job:
                job.progress(0.5)
                job.flush()
                print("running", flush=True)
                for _ in itertools.count():
                    job.progress(0.5)
            """
        )
        self.assertEqual(program.line(), "running")
        program.signal(signal.SIGHUP)

        self.server.wait_for_lines("hup", "Hup CANCELED 500/1000")
        self.assertEqual(program.end(), -signal.SIGHUP)

    def test_cancels_by_ctrl_c(self) -> None:
        program = self.run_program(
            """
            import signal, tidemark
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in the background
            job = tidemark.job("Int", volume=5, job_id="int")
            job.advance(2)
            job.flush()
            print("running", flush=True)
            input()
            """
        )
        self.assertEqual(program.line(), "running")
        program.signal(signal.SIGINT)

        self.assertEqual(program.end(), -signal.SIGINT)
        self.assertEqual(self.server.lines("int"), ["Int CANCELED 2/5"])

    def test_leaves_a_signal_to_a_program_that_handles_it(self) -> None:
        program = self.run_program(
            """
            import signal, tidemark
            with tidemark.job("Own", volume=5, job_id="own") as job:
                signal.signal(signal.SIGTERM, lambda *_: job.advance(5))
                print("running", flush=True)
                input()
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
            """
        )
        self.assertEqual(program.line(), "running")
        program.signal(signal.SIGTERM)

        self.server.wait_for_lines("own", "Own RUNNING 5/5")
        self.assertEqual(program.end("\n"), 0)
        self.assertEqual(self.server.lines("own"), ["Own FINISHED 5/5"])

    def test_dies_by_the_signal_if_the_handler_of_the_program_calls_the_one_before(self) -> None:
        program = self.run_program(
            """
            import signal, tidemark
            with tidemark.job("Chain", volume=5, job_id="chain") as job:
                before = signal.getsignal(signal.SIGTERM)
                signal.signal(signal.SIGTERM, lambda *arguments: before(*arguments))
                job.flush()
                print("running", flush=True)
                input()
            """
        )
        self.assertEqual(program.line(), "running")
        program.signal(signal.SIGTERM)

        self.assertEqual(program.end(), -signal.SIGTERM)
        self.assertEqual(self.server.lines("chain"), ["Chain CANCELED 0/5"])

    def test_restores_the_default_once_no_job_is_open(self) -> None:
        program = self.run_program(
            """
            import signal, tidemark
            for lease in (60, -1):  # which the server takes, and rejects
                with tidemark.job("Handlers", job_id="handlers", lease_seconds=lease) as job:
                    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
                    assert job.flush() == (lease > 0)
                assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
            """
        )
        self.assertEqual(program.end(), 0, program.err)

    def test_fails_open_jobs_when_the_interpreter_exits(self) -> None:
        program = self.run_program(
            """
            import tidemark
            job = tidemark.job("Open", volume=5, job_id="open")
            job.advance(2)
            """
        )

        self.assertEqual((program.end(), program.err), (0, ""))
        reported = self.server.job("open")
        assert reported is not None
        self.assertEqual(reported["lines"], ["Open FAILED 2/5"])
        self.assertEqual(reported["tasks"][0]["message"], "The process exited while the job was running")

    def test_names_the_uncaught_error_that_ends_the_interpreter(self) -> None:
        program = self.run_program(
            """
            import tidemark
            job = tidemark.job("Uncaught", volume=5, job_id="uncaught")
            job.advance(2)
            raise ValueError("no rows")
            """
        )

        self.assertEqual(program.end(), 1)
        reported = self.server.job("uncaught")
        assert reported is not None
        self.assertEqual(reported["tasks"][0]["message"], "ValueError: no rows")

    def test_names_no_earlier_error_of_an_interactive_session(self) -> None:
        program = self.run_program(
            """
            import sys, tidemark
            sys.ps1 = ">>> "
            sys.last_value = NameError("a typo")
            job = tidemark.job("Session", volume=5, job_id="session")
            job.advance(2)
            """
        )

        self.assertEqual(program.end(), 0)
        reported = self.server.job("session")
        assert reported is not None
        self.assertEqual(reported["tasks"][0]["message"], "The process exited while the job was running")

    def test_reports_jobs_that_begin_while_the_interpreter_exits(self) -> None:
        program = self.run_program(
            """
            import atexit, tidemark
            @atexit.register
            def clean_up():
                with tidemark.job("Clean", volume=1, job_id="clean") as job:
                    job.advance()
            """
        )

        self.assertEqual((program.end(), program.err), (0, ""))
        self.assertEqual(self.server.lines("clean"), ["Clean FINISHED 1/1"])
