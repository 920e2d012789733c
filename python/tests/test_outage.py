"""A server that is away, returns, forgets, or loses answers. The work goes on, and nothing is counted twice."""

import collections
import os
import socket
import tempfile
import unittest

import tidemark
from tests.support import LossyProxy, Program, Server, ServerTest


class Outage(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="tidemark-python-")
        self.addCleanup(folder.cleanup)
        self.server = Server("--store", f"lmdb:{folder.name}/data")
        self.addCleanup(self.server.close)
        os.environ["TIDEMARK_URL"] = self.server.url

    def test_reports_when_the_server_returns_what_happened_meanwhile(self) -> None:
        with tidemark.job("Import", tidemark.leaf("read"), tidemark.leaf("write"), job_id="import") as job:
            list(job.track(range(3), "read"))
            self.assertTrue(job.flush())
            with self.assertLogs("tidemark", "INFO") as logs:
                self.server.kill()
                for _ in job.track(range(5), "write"):
                    job.log.info("line")
                self.assertFalse(job.flush(timeout=0))
                self.server.start()

                reported = self.server.wait_for(
                    "import", lambda job: bool(job["lines"][2] == "write FINISHED 5/5" and job["log"])
                )

        self.assertEqual(reported["messages"], ["line"] * 5)
        self.assertEqual(reported["attempt"], 1)
        self.assertEqual(sum("No Tidemark server answers" in line for line in logs.output), 1)

    def test_stores_a_job_that_ended_while_the_server_was_away(self) -> None:
        with tidemark.job("First", volume=1, job_id="first") as job:
            self.assertTrue(job.flush())
        self.server.kill()
        with self.assertLogs("tidemark", "WARNING"):
            with tidemark.job("Away", volume=5, job_id="away") as job:
                job.advance(5)
                self.assertFalse(job.flush(timeout=0.01))
            self.server.start()

            self.server.wait_for_lines("away", "Away FINISHED 5/5")


class LostHistory(ServerTest):
    def test_stores_the_job_again_if_the_server_lost_its_history(self) -> None:
        iterate = tidemark.iterative("iterate", tidemark.leaf("step", volume=2), max=3)
        with tidemark.job("Rank", tidemark.leaf("load"), iterate, job_id="rank") as job:
            list(job.track("abc", "load"))
            with job.run("iterate") as task:
                list(task.next().track("ab", "step"))
                task.next().run("step").advance(1)
                self.assertTrue(job.flush())
                self.server.kill()
                self.server.start()
                task.message("going on")
                reported = self.server.wait_for("rank", lambda job: bool(job["tasks"][2]["message"]))

        self.assertEqual(
            reported["lines"],
            ["Rank RUNNING 6/9", "load FINISHED 3/3", "iterate RUNNING 3/6"]
            + ["step FINISHED 2/2", "step RUNNING 1/2", "step PENDING 0/2"],
        )


class LostAnswers(ServerTest):
    def test_counts_nothing_twice(self) -> None:
        times: "collections.Counter[str]" = collections.Counter()

        def is_lost(body: "dict[str, object]") -> bool:
            """Loses two answers to each request: the connection repeats it once, and the next round again."""
            times[str(body)] += 1
            return times[str(body)] <= 2

        proxy = LossyProxy(self.server, is_lost)
        self.addCleanup(proxy.close)
        with self.assertLogs("tidemark", "WARNING"):
            with tidemark.job("Lossy", tidemark.leaf("a"), job_id="lossy", url=proxy.url) as job:
                job.log.info("once")
                list(job.track("abc", "a"))
                self.server.wait_for("lossy", lambda job: bool(job["log"]))
                job.add(tidemark.leaf("b", volume=2)).advance(2)
                job.log.info("twice")
            reported = self.server.wait_for("lossy", lambda job: bool(job["tasks"][0]["status"] == "FINISHED"))

        self.assertEqual(reported["lines"], ["Lossy FINISHED 5/5", "a FINISHED 3/3", "b FINISHED 2/2"])
        self.assertEqual(reported["messages"], ["once", "twice"])
        self.assertEqual(reported["attempt"], 1)
        self.assertIn(3, times.values())


    def test_says_nothing_if_the_server_closes_a_kept_connection(self) -> None:
        proxy = LossyProxy(self.server, is_lost=lambda _: False, keeps_connections=False)
        self.addCleanup(proxy.close)
        program = Program(
            """
            import tidemark
            with tidemark.job("Closing", volume=3, job_id="closing") as job:
                for _ in job.track("abc"):
                    job.flush()
            """,
            proxy.url,
        )
        self.addCleanup(program.close)

        self.assertEqual((program.end(), program.err), (0, ""))
        self.assertEqual(self.server.lines("closing"), ["Closing FINISHED 3/3"])


class NoServer(unittest.TestCase):
    """The address of a server that has stopped."""

    def setUp(self) -> None:
        server = Server()
        server.close()
        self.url = server.url

    def run_program(self, script: str, url: str) -> Program:
        program = Program(script, url)
        self.addCleanup(program.close)
        return program

    def test_does_not_fail_the_job_and_says_so_at_first_and_at_the_exit(self) -> None:
        program = self.run_program(
            """
            import tidemark
            for number in range(3):
                with tidemark.job("Alone") as job:
                    rows = [row for row in job.track(range(1000), "rows")]
                    job.log.info("line")
                    job.flush(timeout=0.001)
            print(len(rows))
            """,
            self.url,
        )

        self.assertEqual(program.end(), 0)
        self.assertEqual(program.out, "1000\n")
        first, last = program.err.splitlines()
        self.assertIn(f"No Tidemark server answers at {self.url}", first)
        self.assertEqual(last, f"tidemark: 3 jobs were not reported: no server answered at {self.url}.")

    def test_says_so_once_however_often_it_tries(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            program = self.run_program(
                """
                import tidemark
                with tidemark.job("Alone", volume=1):
                    input()
                """,
                "http://127.0.0.1:%d" % listener.getsockname()[1],
            )
            for _ in range(4):
                listener.accept()[0].close()

        self.assertEqual(program.end("\n"), 0)
        self.assertEqual(program.err.count("No Tidemark server answers"), 1, program.err)

    def test_does_not_wait_for_a_server_that_never_answers(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            program = self.run_program(
                """
                import tidemark
                with tidemark.job("Alone", volume=1) as job:
                    job.advance()
                """,
                "http://127.0.0.1:%d" % listener.getsockname()[1],
            )
            connection, _ = listener.accept()
            with connection:
                self.assertEqual(program.end(), 0)

    def test_survives_invalid_addresses(self) -> None:
        for url in ("nonsense", "ftp://127.0.0.1", "http://127.0.0.1:99999", "http://["):
            program = self.run_program(
                """
                import tidemark
                with tidemark.job("Alone", volume=1) as job:
                    job.advance()
                    job.flush(timeout=0.001)
                """,
                url,
            )

            self.assertEqual(program.end(), 0, program.err)
            self.assertEqual(
                program.err,
                f'tidemark: "{url}" is not a valid address of a server. Expected one like http://127.0.0.1:4000, '
                "or several with commas. The work goes on, and is not reported.\n",
            )

    def test_says_at_the_exit_which_job_was_not_reported(self) -> None:
        for url in (self.url, "http://no-such-host.invalid"):
            program = self.run_program(
                """
                import tidemark
                with tidemark.job("Alone", volume=1, job_id="alone"):
                    pass
                """,
                url,
            )

            self.assertEqual(program.end(), 0, program.err)
            last = program.err.splitlines()[-1]
            self.assertEqual(last, f'tidemark: Job "alone" was not reported: no server answered at {url}.')


class Tokens(ServerTest):
    def test_of_a_file_may_end_with_a_line_break(self) -> None:
        with tidemark.job("File", volume=1, job_id="file", token=lambda: "secret\n") as job:
            self.assertTrue(job.flush())

    def test_are_never_printed(self) -> None:
        for token, what in (("SEC\nRET", "a line break"), ("SEC…RET", "the character U+2026")):
            program = self.run_program(
                f"""
                import os, tidemark
                os.environ["TIDEMARK_TOKEN"] = {token!r}
                with tidemark.job("Secret", volume=1) as job:
                    job.flush(timeout=1)
                """
            )

            self.assertEqual(program.end(), 0)
            self.assertIn(f"The token contains {what} (from TIDEMARK_TOKEN).", program.err)
            self.assertNotIn("RET", program.err)


class MissingToken(unittest.TestCase):
    def test_is_named_with_what_to_do(self) -> None:
        with tempfile.NamedTemporaryFile("w") as secret:
            secret.write("0123456789" * 4)
            secret.flush()
            server = Server("--auth", f"jwt:secret:{secret.name}", "--jwt-issuer", "i", "--jwt-audience", "a")
        self.addCleanup(server.close)
        for arguments, what in (
            ("", "The server requires a token: pass token= or set TIDEMARK_TOKEN."),
            (", token='wrong'", "Pass another token as token=, or set TIDEMARK_TOKEN."),
        ):
            program = Program(
                f"""
                import tidemark
                with tidemark.job("Anonymous", volume=1{arguments}) as job:
                    job.flush(timeout=1)
                """,
                server.url,
            )
            self.addCleanup(program.close)

            self.assertEqual(program.end(), 0)
            self.assertIn(f"{what} The work goes on", program.err)


class Addresses(ServerTest):
    def test_of_this_machine_need_no_scheme(self) -> None:
        with tidemark.job("Bare", job_id="bare", volume=1, url=self.server.url.replace("http://", "")) as job:
            self.assertTrue(job.flush())


class Rejections(ServerTest):
    flags = ("--mutations-per-second-max", "20")

    def test_waits_for_a_server_that_limits_the_rate(self) -> None:
        jobs = [tidemark.job("Busy", volume=1, job_id=f"busy-{number}") for number in range(60)]
        for job in jobs:
            job.advance()
            job.finish()

        for job in jobs:
            self.server.wait_for_lines(job.job_id, "Busy FINISHED 1/1")

    def test_says_once_why_a_job_is_not_reported(self) -> None:
        with self.assertLogs("tidemark", "WARNING") as logs:
            with tidemark.job("Wrong", job_id="wrong", lease_seconds=-1) as job:
                self.assertFalse(job.flush())
                job.progress(0.5)

        self.assertEqual(len(logs.output), 1, logs.output)
        self.assertIn("leaseSeconds", logs.output[0])
