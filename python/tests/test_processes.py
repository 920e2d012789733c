"""Forks and `multiprocessing`: a child does not report the jobs of its parent, and can have its own."""

import os
import tidemark
from tests.support import ServerTest


class Children(ServerTest):
    def test_does_not_report_the_jobs_of_its_parent(self) -> None:
        with tidemark.job("Parent", volume=10, job_id="parent") as job:
            job.advance(3)
            self.assertTrue(job.flush())
            pid = os.fork()
            if pid == 0:
                try:
                    job.advance(4)
                    job.log.info("from the child")
                    job.flush()
                    job.finish()
                finally:
                    os._exit(0)
            os.waitpid(pid, 0)
            job.advance(1)
            self.assertTrue(job.flush())

            reported = self.server.job("parent")
            assert reported is not None
            self.assertEqual(reported["lines"], ["Parent RUNNING 4/10"])
            self.assertEqual(reported["messages"], [])

    def test_says_once_that_it_does_not_count_for_its_parent(self) -> None:
        program = self.run_program(
            """
            import multiprocessing, tidemark
            def work(_):
                job.advance()
            with tidemark.job("Lost", volume=4, job_id="lost") as job:
                with multiprocessing.get_context("fork").Pool(1) as pool:
                    pool.map(work, range(4))
                job.fail("not counted")
            """
        )

        self.assertEqual(program.end(), 0)
        self.assertEqual(self.server.lines("lost"), ["Lost FAILED 0/4"])
        self.assertEqual(len(program.err.splitlines()), 1, program.err)
        self.assertIn('Job "lost" belongs to the parent of this process', program.err)

    def test_exits_at_once_with_an_open_job_of_its_parent(self) -> None:
        program = self.run_program(
            """
            import os, signal, sys, tidemark
            with tidemark.job("Exits", volume=10, job_id="exits") as job:
                job.advance(3)
                pid = os.fork()
                if pid == 0:
                    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
                    sys.exit(5)
                assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
                job.advance(1)
            """
        )

        self.assertEqual((program.end(), program.err), (0, ""))
        self.assertEqual(self.server.lines("exits"), ["Exits FINISHED 10/10"])

    def test_reports_its_own_jobs(self) -> None:
        with tidemark.job("Mother", volume=1, job_id="mother") as job:
            self.assertTrue(job.flush())
            pid = os.fork()
            if pid == 0:
                try:
                    with tidemark.job("Child", job_id="child") as own:
                        for _ in own.track("abc"):
                            pass
                finally:
                    os._exit(0)
            os.waitpid(pid, 0)

        self.assertEqual(self.server.lines("child"), ["Child FINISHED 3/3"])
        self.assertEqual(self.server.lines("mother"), ["Mother FINISHED 1/1"])

    def test_survives_forks_while_another_thread_ticks_and_reports(self) -> None:
        program = self.run_program(
            """
            import logging, os, threading, tidemark
            logging.getLogger("tidemark").setLevel(logging.ERROR)
            with tidemark.job("Forks", job_id="forks") as job:
                leaf = job.add(tidemark.leaf("ticks"))
                done = threading.Event()
                def tick():
                    while not done.is_set():
                        leaf.advance()
                        leaf.message("x")
                thread = threading.Thread(target=tick)
                thread.start()
                for number in range(50):
                    pid = os.fork()
                    if pid == 0:
                        leaf.advance()  # would hang if the lock was inherited
                        with tidemark.job("Grandchild", volume=1, job_id="grandchild"):
                            pass
                        os._exit(0)
                    assert os.waitpid(pid, 0)[1] == 0
                done.set()
                thread.join()
            """
        )

        self.assertEqual((program.end(), program.err), (0, ""))
        self.assertEqual(self.server.lines("forks")[0].split()[1], "FINISHED")
        self.assertEqual(self.server.lines("grandchild"), ["Grandchild FINISHED 1/1"])

    def test_reports_the_results_of_a_pool_in_the_parent(self) -> None:
        for method in ("fork", "spawn"):
            program = self.run_program(
                f"""
                import multiprocessing, tidemark
                if __name__ == "__main__":
                    context = multiprocessing.get_context("{method}")
                    with tidemark.job("Pool", job_id="pool-{method}") as job:
                        with context.Pool(2) as pool:
                            for _ in job.track(pool.imap_unordered(abs, range(20)), "items", volume=20):
                                pass
                """
            )

            self.assertEqual((program.end(), program.err), (0, ""))
            self.assertEqual(self.server.lines(f"pool-{method}"), ["Pool FINISHED 20/20", "items FINISHED 20/20"])

    def test_leaves_the_signals_of_a_pool_that_is_terminated_while_it_starts(self) -> None:
        program = self.run_program(
            """
            import multiprocessing, tidemark
            with tidemark.job("Pools", volume=100, job_id="pools") as job:
                for _ in range(100):
                    pool = multiprocessing.get_context("fork").Pool(2)
                    pool.terminate()
                    pool.join()
                    job.advance(1)
            """
        )

        self.assertEqual((program.end(), program.err), (0, ""))
        self.assertEqual(self.server.lines("pools"), ["Pools FINISHED 100/100"])

    def test_reports_the_jobs_of_a_child_of_multiprocessing_to_their_end(self) -> None:
        program = self.run_program(
            """
            import multiprocessing, tidemark
            def work():
                job = tidemark.job("Worker", volume=2, job_id="worker")
                job.advance(1)
            with tidemark.job("Boss", volume=1, job_id="boss"):
                child = multiprocessing.get_context("fork").Process(target=work)
                child.start()
                child.join()
                assert child.exitcode == 0
            """
        )

        self.assertEqual((program.end(), program.err), (0, ""))
        self.assertEqual(self.server.lines("worker"), ["Worker FAILED 1/2"])
        self.assertEqual(self.server.lines("boss"), ["Boss FINISHED 1/1"])

    def test_terminates_at_once_in_spite_of_an_open_job_of_its_parent(self) -> None:
        program = self.run_program(
            """
            import multiprocessing, tidemark
            def work(ready):
                ready.set()
                while True:
                    pass
            with tidemark.job("Terminates", volume=1, job_id="terminates"):
                context = multiprocessing.get_context("fork")
                ready = context.Event()
                child = context.Process(target=work, args=(ready,))
                child.start()
                ready.wait()
                child.terminate()
                child.join()
                assert child.exitcode == -15, child.exitcode
            """
        )

        self.assertEqual((program.end(), program.err), (0, ""))
        self.assertEqual(self.server.lines("terminates"), ["Terminates FINISHED 1/1"])
