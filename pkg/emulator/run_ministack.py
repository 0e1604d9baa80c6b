"""Runs ministack until standard input is closed.

The parent process keeps the other end of a pipe. When it ends, even by kill -9, the pipe closes, and ministack is stopped by
a signal that lets it save its state. This works on Linux and macOS.
"""
import collections
import os
import signal
import sys
import threading
import time


def stop_at_end_of_input():
    while os.read(0, 1024):  # not sys.stdin: its lock would be held when the interpreter ends for another reason
        pass
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=stop_at_end_of_input, daemon=True).start()

from ministack.app import main  # noqa: E402, takes 0.2 s, during which the parent may already end
from ministack.services import sqs  # noqa: E402

receive = sqs._collect_msgs


def receive_fairly(queue, count, visibility):
    """Delivers messages of groups with fewer messages in flight first, as the fair queues of SQS do. ministack has none."""
    now = time.time()
    in_flight = collections.Counter(
        m.get("group_id") for m in queue["messages"] if m["visible_at"] > now and m.get("receive_count")
    )
    if not queue["is_fifo"] and in_flight:
        queue = {**queue, "messages": sorted(queue["messages"], key=lambda m: in_flight[m.get("group_id")])}
    return receive(queue, count, visibility)


sqs._collect_msgs = receive_fairly

sys.argv = ["ministack"]
main()
