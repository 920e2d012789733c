"""
Reports the progress of long jobs to a Tidemark server.

    import tidemark

    with tidemark.job("Import", tidemark.leaf("read"), tidemark.leaf("write", volume=500)) as job:
        for row in job.track(rows, "read"):
            ...

It never slows a job, never fails a job, and never counts twice. While no server answers, the work goes on and the reports wait.
"""

from ._declaration import Declaration, iterative, leaf, task
from ._errors import JobCanceled
from ._job import Job, current_job, job
from ._log_handler import LogHandler
from ._task import Iteration, Task, TaskLog

__all__ = [
    "Declaration",
    "Iteration",
    "Job",
    "JobCanceled",
    "LogHandler",
    "Task",
    "TaskLog",
    "current_job",
    "iterative",
    "job",
    "leaf",
    "task",
]
__version__ = "0.2.0"
