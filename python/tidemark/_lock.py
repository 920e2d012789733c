"""
The one lock of the client. It protects the trees and the queues of all jobs, is held for microseconds, and never while
a request is in flight.

It is reentrant, because a signal handler may run in the middle of a change. It is held during a fork, so that the child
never inherits a tree in the middle of a change, or a lock whose owner does not exist.
"""

import os
import threading

LOCK = threading.RLock()

if hasattr(os, "register_at_fork"):  # absent on Windows
    os.register_at_fork(before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=LOCK.release)
