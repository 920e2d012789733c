"""Real servers and real programs for the tests. Conditions are awaited by asking the server, never by a time."""

import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any, Callable, Dict, List, Optional
from urllib.parse import urlsplit

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 90
"""Only a test that fails waits this long."""

JOB = """query ($database: String!, $jobId: ID) {
  tasks(database: $database, jobId: $jobId) { nodes {
    username attempt health
    cancelRequest { by reason }
    log(last: 200, level: DEBUG) { level message path }
    tasks { path description status message currentIteration progress { done volume } }
  } }
}"""
CANCEL = "mutation ($input: RequestCancelInput!) { requestCancel(input: $input) { userTask { jobId } } }"
REMOVE = "mutation ($input: JobInput!) { removeTask(input: $input) { userTask { jobId } } }"


class Server:
    """A server as a process of its own. It can be stopped, and started again at the same address."""

    def __init__(self, *flags: str) -> None:
        self._folder = tempfile.mkdtemp(prefix="tidemark-python-")
        self._flags = flags
        self._port = "0"
        self._process: Optional["subprocess.Popen[str]"] = None
        self.url = ""
        self.start()

    def start(self, *flags: str) -> None:
        store = [] if any("--store" in flag for flag in self._flags) else ["--store", "memory:"]
        self._process = subprocess.Popen(
            ["node", str(PROJECT / "dist" / "main.js"), "serve", "--port", self._port, *store, *self._flags, *flags],
            stdout=subprocess.PIPE,
            text=True,
            env=clean_environment(),
            cwd=self._folder,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            ready = json.loads(line)
            if ready["msg"] == "ready":
                self.url = ready["url"]
                self._port = str(urlsplit(self.url).port)
                self._output = threading.Thread(target=_drain, args=(self._process.stdout,), daemon=True)
                self._output.start()
                return
        raise AssertionError("The server did not start. Run `npm run build` first.")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._output.join()

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def ask(self, query: str, **variables: Any) -> Any:
        """The data of an answer. Asks again while the server does not answer, as after a restart."""
        answer = post(self.url, {"query": query, "variables": variables})
        assert "errors" not in answer, answer
        return answer["data"]

    def job(self, job_id: Optional[str], database: str = "default") -> Optional[Dict[str, Any]]:
        """A job, with its tasks as `"read RUNNING 2/3"` in `lines`; None if there is none. Without an id, the newest of the database."""
        tasks = self.ask(JOB, database=database, jobId=job_id)["tasks"]
        if not tasks or not tasks["nodes"]:
            return None
        job: Dict[str, Any] = tasks["nodes"][0]
        job["lines"] = [line_of(task) for task in job["tasks"]]
        job["messages"] = [line["message"] for line in job["log"]]
        return job

    def lines(self, job_id: str) -> List[str]:
        job = self.job(job_id)
        return list(job["lines"]) if job else []

    def wait_for(self, job_id: str, is_met: Callable[[Dict[str, Any]], bool], database: str = "default") -> Dict[str, Any]:
        """The job, once it meets the condition."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            job = self.job(job_id, database)
            if job is not None and is_met(job):
                return job
        raise AssertionError(f"Job {job_id} did not meet the condition: {job and job['lines']}")

    def wait_for_lines(self, job_id: str, *lines: str) -> Dict[str, Any]:
        return self.wait_for(job_id, lambda job: bool(job["lines"] == list(lines)))

    def cancel(self, job_id: str, reason: Optional[str] = None) -> None:
        self.ask(CANCEL, input={"database": "default", "jobId": job_id, "reason": reason})

    def remove(self, job_id: str) -> None:
        self.ask(REMOVE, input={"database": "default", "jobId": job_id})


class LossyProxy:
    """Passes each request on to a server, and loses the answers to those that `is_lost` says."""

    def __init__(
        self, server: Server, is_lost: Callable[[Dict[str, Any]], bool], keeps_connections: bool = True
    ) -> None:
        self.requests: List[Dict[str, Any]] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(handler) -> None:
                body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
                handler.close_connection = True
                try:
                    answer = json.dumps(post(server.url, body)).encode()
                except (OSError, http.client.HTTPException):  # the test is over
                    return
                self.requests.append(body)
                if is_lost(body):
                    return
                handler.close_connection = not keeps_connections  # which it does not announce
                handler.send_response(200)
                handler.send_header("Content-Length", str(len(answer)))
                handler.end_headers()
                handler.wfile.write(answer)

            def log_message(handler, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class ServerTest(unittest.TestCase):
    """The tests of a class share a server. Each uses job ids of its own."""

    server: Server
    flags: "tuple[str, ...]" = ()

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server(*cls.flags)
        cls.addClassCleanup(cls.server.close)
        os.environ["TIDEMARK_URL"] = cls.server.url

    def run_program(self, script: str, **options: Any) -> "Program":
        program = Program(script, self.server.url, **options)
        self.addCleanup(program.close)
        return program


class Program:
    """A Python program in a process of its own."""

    def __init__(self, script: str, url: str, isolated: bool = False, database: str = "default") -> None:
        flags = ["-W", "ignore::DeprecationWarning"]  # of os.fork in a process with threads
        if isolated:
            flags.append("-S")  # without installed packages
        self._process = subprocess.Popen(
            [sys.executable, *flags, "-c", textwrap.dedent(script)],
            env={
                **clean_environment(),
                "TIDEMARK_URL": url,
                "TIDEMARK_DATABASE": database,
                "PYTHONPATH": str(PROJECT / "python"),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.out = self.err = ""

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def line(self) -> str:
        """The next line that it prints."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def end(self, text: str = "") -> int:
        """Writes to its input, waits for its end, and returns its exit code."""
        assert self._process.stdin is not None
        self._process.stdin.write(text)
        self._process.stdin.flush()
        self._process.wait(PATIENCE_SECONDS)  # with its input open, whose end would be an error
        self.out, self.err = self._process.communicate()
        return self._process.returncode

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def _drain(output: IO[str]) -> None:
    with output:
        output.read()


def post(url: str, body: Dict[str, Any]) -> Any:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=PATIENCE_SECONDS)
    try:
        connection.request("POST", "/graphql", json.dumps(body), {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def line_of(task: Dict[str, Any]) -> str:
    done, volume = task["progress"]["done"], task["progress"]["volume"]
    return f"{task['description']} {task['status']} {done}/{'?' if volume is None else volume}"


def clean_environment() -> Dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("TIDEMARK_", "VITEST"))}
