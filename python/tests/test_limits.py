"""The client keeps within the limits of its server."""

from typing import Any

import tidemark
from tests.support import ServerTest


class SmallServer(ServerTest):
    flags = (
        "--body-bytes-max", "40000", "--message-bytes-max", "40000", "--description-bytes-max", "20",
        "--message-text-bytes-max", "30", "--updates-per-input-max", "5", "--inputs-per-request-max", "5",
        "--log-lines-per-input-max", "5",
    )  # fmt: skip

    def test_splits_trees_and_reports(self) -> None:
        leaves = [tidemark.leaf(f"leaf {number}", volume=2) for number in range(300)]
        with tidemark.job("Large", *leaves, job_id="large") as job:
            for number in range(300):
                with job.run(f"leaf {number}") as leaf:
                    leaf.advance(2)
            self.assertTrue(job.flush())

        lines = self.server.lines("large")
        self.assertEqual(lines[0], "Large FINISHED 600/600")
        self.assertEqual(lines[300], "leaf 299 FINISHED 2/2")

    def test_shortens_texts(self) -> None:
        long = "Ä" * 100
        with tidemark.job(long, job_id="long") as job:
            job.message(long)
            job.log.info(long)
            for _ in range(20):
                job.log.info("line")
            self.assertTrue(job.flush())

            reported = self.server.job("long")
            assert reported is not None
            self.assertEqual(reported["tasks"][0]["description"], "ÄÄÄÄÄÄÄÄ…")
            self.assertEqual(reported["tasks"][0]["message"], "Ä" * 13 + "…")
            self.assertEqual(reported["messages"], ["Ä" * 13 + "…"] + ["line"] * 20)

    def test_cleans_texts_that_no_server_takes(self) -> None:
        with tidemark.job("a\x1bb\udcff", job_id="odd") as job:
            job.message("file \udcff")
            self.assertTrue(job.flush())

            reported = self.server.job("odd")
            assert reported is not None
            self.assertEqual(reported["tasks"][0]["description"], "a b?")
            self.assertEqual(reported["tasks"][0]["message"], "file ?")

    def test_takes_integers_of_other_libraries(self) -> None:
        class Integer:
            def __index__(self) -> int:
                return 3

        number: Any = Integer()
        with tidemark.job("Integers", tidemark.leaf("a", max_concurrency=number), job_id="integers") as job:
            self.assertTrue(job.flush())

    def test_goes_on_with_other_jobs_if_one_has_values_that_no_server_takes(self) -> None:
        wrong: Any = object()
        with self.assertLogs("tidemark", "WARNING") as logs:
            with tidemark.job("Wrong", job_id="wrong", lease_seconds=wrong) as job:
                self.assertFalse(job.flush())
            with tidemark.job("Right", job_id="right") as job:
                self.assertTrue(job.flush())

        self.assertEqual(len(logs.output), 1, logs.output)

    def test_goes_on_with_other_jobs_if_the_client_fails_for_one(self) -> None:
        with self.assertLogs("tidemark", "WARNING") as logs:
            with tidemark.job("Broken", job_id="broken") as job:
                job._sync._log.append(None)  # type: ignore[arg-type]
                self.assertFalse(job.flush())
            with tidemark.job("Whole", job_id="whole") as job:
                self.assertTrue(job.flush())

        self.assertIn('Job "broken" is not reported any more: The client failed', "".join(logs.output))

    def test_reports_numbers_of_any_size(self) -> None:
        with tidemark.job("Numbers", tidemark.leaf("a"), tidemark.leaf("b"), job_id="numbers") as job:
            job.sub("a").advance(0.5)
            job.sub("a").advance(2.75)
            job.sub("a").advance(-7)
            job.sub("a").volume(float("nan"))
            job.sub("b").set(10**30)
            self.assertTrue(job.flush())

            self.assertEqual(self.server.lines("numbers")[1], "a RUNNING 3/?")
