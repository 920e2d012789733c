"""Connects the logging of a program with the log of a job."""

import logging
from typing import Optional

from ._reporter import LOGGER
from ._task import Task


class LogHandler(logging.Handler):
    """
    Writes the records of `logging` to the log of a job, until the job ends. With its next record, a logger then loses the handler.

        with tidemark.job("Import") as job:
            logging.getLogger().addHandler(tidemark.LogHandler(job))
    """

    def __init__(self, task: Task, level: int = logging.NOTSET) -> None:
        """:param task: the job, or the task that the lines name."""
        super().__init__(level)
        self._task = task
        self._log = task.log

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == LOGGER.name:  # about the connection itself
            return
        if self._task.has_job_ended:
            return self._remove_from(record.name)
        try:
            self._write(record.levelno, self.format(record))
        except Exception:
            self.handleError(record)

    def _write(self, level: int, line: str) -> None:
        if level >= logging.ERROR:
            self._log.error(line)
        elif level >= logging.WARNING:
            self._log.warning(line)
        elif level >= logging.INFO:
            self._log.info(line)
        else:
            self._log.debug(line)

    def _remove_from(self, name: str) -> None:
        """Removes the handler from the logger of a record and from those above it."""
        logger: Optional[logging.Logger] = logging.getLogger(name)
        while logger is not None:
            logger.handlers = [one for one in logger.handlers if one is not self]  # a new list: the old one is being read
            logger = logger.parent
