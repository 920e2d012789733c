"""Random work on random trees: the server rejects nothing, and shows in the end what the program did."""

import random
from typing import Any, Callable, Dict, List

import tidemark
from tests.support import ServerTest, line_of
from tidemark._state import TaskState

JOBS = 25
STEPS = 120
DELETE = 'mutation { deleteDatabase(database: "default") { deleted } }'


class RandomWork(ServerTest):
    def test_is_reported_as_it_was_done(self) -> None:
        for seed in range(JOBS):
            with self.subTest(seed=seed):
                self.check(*self.run_job(random.Random(seed), f"random-{seed}", losses=0))

    def test_is_reported_as_it_was_done_to_a_server_that_loses_its_history(self) -> None:
        for seed in range(JOBS):
            with self.subTest(seed=seed):
                self.check(*self.run_job(random.Random(seed), f"losses-{seed}", losses=0.03))

    def check(self, reported: Dict[str, Any], job: tidemark.Job) -> None:
        self.assertFalse(job._sync.is_inactive)
        self.assertEqual(job._sync._reported_codes, set())
        shown = {task["path"]: line_of(task) + (task["message"] or "") for task in reported["tasks"]}
        self.assertEqual({path: shown.get(path) for path in self.done_by(job)}, self.done_by(job))

    def test_is_stored_again_if_it_turns_out_to_have_tasks(self) -> None:
        with tidemark.job("Job", job_id="turns") as job:
            self.assertTrue(job.flush())
            for number in range(20):
                job.add(tidemark.leaf(f"{number}")).advance()
            self.assertTrue(job.flush())

        self.assertEqual(len(self.server.lines("turns")), 21)

    def test_is_stored_again_with_what_was_added_to_an_iteration(self) -> None:
        iterate = tidemark.iterative("iterate", tidemark.task("pair", tidemark.leaf("left")), max=2)
        with tidemark.job("Rank", iterate, job_id="added") as job:
            job.sub("iterate").next().sub("pair").add(tidemark.leaf("extra")).advance(2)
            self.assertTrue(job.flush())
            self.server.ask(DELETE)
            job.message("again")
            self.assertTrue(job.flush())

            self.assertIn("extra RUNNING 2/?", self.server.lines("added"))

    def test_is_stored_again_without_iterations_that_began_after_its_end(self) -> None:
        iterate = tidemark.iterative("iterate", tidemark.leaf("step"))
        with tidemark.job("Rank", iterate, job_id="after-end") as job:
            self.assertTrue(job.flush())
            self.server.ask(DELETE)
            job.fail("disk full")
            job.sub("iterate").next()
            self.assertTrue(job.flush())

        self.assertEqual(self.server.lines("after-end"), ["Rank FAILED 0/?", "iterate PENDING 0/?"])

    def run_job(self, chance: random.Random, job_id: str, losses: float) -> "tuple[Dict[str, Any], tidemark.Job]":
        job = tidemark.job("Job", *[self.tree(chance, 3) for _ in range(chance.randint(1, 4))], job_id=job_id)
        tasks: List[tidemark.Task] = [job]
        for _ in range(STEPS):
            task = chance.choice(tasks)
            try:
                self.step(chance, task, tasks)
            except TypeError:  # misuse, which changes nothing
                pass
            if chance.random() < 0.1:
                self.assertTrue(job.flush())
            if chance.random() < losses:
                self.server.ask(DELETE)  # begins a new history
        ends: List[Callable[[], None]] = [job.finish, job.cancel, lambda: job.fail("broken")]
        chance.choice(ends)()
        self.assertTrue(job.flush())
        reported = self.server.job(job_id)
        assert reported is not None
        return reported, job

    def tree(self, chance: random.Random, levels: int) -> tidemark.Declaration:
        name = chance.choice("abc")
        below = [self.tree(chance, levels - 1) for _ in range(chance.randint(1, 3))] if levels > 1 else []
        kind = chance.randint(0, 3) if below else 0
        if kind == 0:
            return tidemark.leaf(name, volume=chance.choice([None, 5, 20]))
        if kind == 1:
            return tidemark.task(name, *below)
        return tidemark.iterative(name, *below, max=None if kind == 2 else 3, exact=chance.random() < 0.5 and kind == 3)

    def step(self, chance: random.Random, task: tidemark.Task, tasks: List[tidemark.Task]) -> None:
        name = chance.choice([None, "a", "t"])
        below = chance.choice([one for one in tasks if one.path] or [tasks[0].sub(0)])  # the root ends last
        steps: Dict[str, Callable[[], object]] = {
            "advance": lambda: task.advance(chance.randint(0, 9)),
            "set": lambda: task.set(chance.randint(0, 30)),
            "volume": lambda: task.volume(chance.randint(0, 30)),
            "message": lambda: task.message(chance.choice("xyz")),
            "log": lambda: task.log.info("line"),
            "begin": task.begin,
            "next": task.next,
            "add": lambda: tasks.append(task.add(self.tree(chance, 2))),
            "sub": lambda: tasks.append(task.sub(chance.randint(0, 5))),
            "sub again": lambda: tasks.append(task.sub(chance.randint(0, 2))),
            "track": lambda: list(task.track(range(chance.randint(0, 4)), name)),
            "leave": lambda: next(task.track(range(3), name)),
            "finish": below.finish,
            "cancel": below.cancel,
            "fail": lambda: below.fail("broken"),
        }
        steps[chance.choice(list(steps))]()

    def done_by(self, job: tidemark.Job) -> Dict[str, str]:
        lines: Dict[str, str] = {}

        def visit(task: TaskState) -> None:
            if task.kind == "LEAF" and task.status != "PENDING":
                is_finished = task.status == "FINISHED"
                done = max(task.done_to_report, task.volume or 0) if is_finished else task.done_to_report
                volume = done if is_finished and task.volume is None else "?" if task.volume is None else task.volume
                lines[task.path] = f"{task.spec.description} {task.status} {done}/{volume}{task.message}"
            for subtask in task.subtasks.values():
                visit(subtask)

        visit(job._sync.root)
        return lines
