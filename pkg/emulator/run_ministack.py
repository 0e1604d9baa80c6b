"""Runs ministack until standard input is closed.

The parent process keeps the other end of a pipe. When it ends, even by kill -9, the pipe closes, and ministack is stopped by
a signal that lets it save its state. This works on Linux and macOS.
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

from ministack.app import main  # noqa: E402, takes 0.2 s, during which the parent may already end

sys.argv = ["ministack"]
main()
