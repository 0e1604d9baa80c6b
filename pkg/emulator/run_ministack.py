"""Runs ministack for as long as standard input stays open.

Whoever starts this keeps the other end of a pipe. When that process ends, however it ends (kill -9 too), the pipe
closes, and ministack is asked to stop in the way that lets it save its state. This holds on Linux and macOS alike.
"""
import os
import signal
import sys
import threading


def stop_at_end_of_input():
    while os.read(0, 1024):  # not sys.stdin: its lock would be held when the interpreter ends for another reason
        pass
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=stop_at_end_of_input, daemon=True).start()

from ministack.app import main  # noqa: E402, takes 0.2 s, during which the parent may end already

sys.argv = ["ministack"]
main()
