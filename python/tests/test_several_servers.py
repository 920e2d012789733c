"""Several servers: the first that answers is used until it fails, then the next one."""

import socket
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import List

import tidemark
from tests.support import LossyProxy, Program, Server


class SeveralServers(unittest.TestCase):
    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)

    def test_uses_the_next_server_if_the_first_is_dead_and_names_both_once(self) -> None:
        dead = dead_url()
        with self.assertLogs("tidemark", "WARNING") as logs:
            with tidemark.job("Import", volume=2, job_id="dead", url=[dead, self.server.url]) as job:
                job.advance(1)
                self.assertTrue(job.flush())
                job.advance(1)
                self.assertTrue(job.flush())

        self.server.wait_for_lines("dead", "Import FINISHED 2/2")
        self.assertTrue(job.url.startswith(f"{self.server.url}/?"))
        self.assertEqual(len(logs.output), 1, logs.output)
        self.assertRegex(logs.output[0], rf"{dead} failed \(.+\)\. Using {self.server.url} now\.")

    def test_reads_the_list_from_the_environment_and_uses_the_next_server_after_503(self) -> None:
        unavailable = answering_with(503)
        self.addCleanup(unavailable.server_close)
        self.addCleanup(unavailable.shutdown)
        program = Program(
            """
            import tidemark
            with tidemark.job("Import", volume=1, job_id="unavailable") as job:
                job.advance()
            """,
            f"http://127.0.0.1:{unavailable.server_port}, {self.server.url}",
        )
        self.addCleanup(program.close)

        self.assertEqual(program.end(), 0, program.err)
        self.server.wait_for_lines("unavailable", "Import FINISHED 1/1")

    def test_counts_once_and_keeps_its_address_if_a_server_is_lost_before_it_answers(self) -> None:
        lost: List[bool] = []
        first = LossyProxy(self.server, lambda _: bool(lost))
        second = LossyProxy(self.server, lambda _: False)
        self.addCleanup(first.close)
        self.addCleanup(second.close)
        with tidemark.job("Import", volume=3, job_id="lossy", url=f"{first.url},{second.url}") as job:
            self.assertTrue(job.flush())
            lost.append(True)
            job.advance(2)
            job.log.info("line")
            self.assertTrue(job.flush())

            reported = self.server.wait_for_lines("lossy", "Import RUNNING 2/3")

        self.assertEqual([reported["messages"], reported["attempt"]], [["line"], 1])
        self.assertTrue(second.requests)
        self.assertTrue(job.url.startswith(f"{first.url}/?"), job.url)

    def test_moves_on_when_a_server_is_killed(self) -> None:
        first = Server()
        self.addCleanup(first.close)
        with tidemark.job("Import", volume=3, job_id="killed", url=[first.url, self.server.url]) as job:
            self.assertTrue(job.flush())
            first.kill()
            job.advance(2)

            self.server.wait_for_lines("killed", "Import RUNNING 2/3")

    def test_names_the_address_that_is_wrong(self) -> None:
        for urls, wrong in ((f"{self.server.url},nowhere", "nowhere"), (f"{self.server.url},", "")):
            with self.assertLogs("tidemark", "WARNING") as logs:
                with tidemark.job("Import", volume=1, url=urls) as job:
                    self.assertFalse(job.flush(timeout=0))

            self.assertIn(f'"{wrong}" is not a valid address of a server.', logs.output[0])

    def test_has_each_server_once(self) -> None:
        with self.assertLogs("tidemark", "WARNING") as logs:
            dead = dead_url()
            with tidemark.job("Import", volume=1, url=f"{dead},{dead}/,{dead}/graphql") as job:
                self.assertFalse(job.flush(timeout=0.1))

        self.assertIn(f"No Tidemark server answers at {dead} (", logs.output[0])


def dead_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def answering_with(status: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    return server
