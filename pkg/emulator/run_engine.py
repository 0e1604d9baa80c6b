"""Runs a program until standard input is closed: run_engine.py PROGRAM ARGUMENT...

The parent process keeps the other end of a pipe. When it ends, even by kill -9, the pipe closes, and the program is stopped.
"""
import os
import subprocess
import sys
import threading

program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)


def stop_at_end_of_input():
    while os.read(0, 1024):
        pass
    program.terminate()
    try:
        program.wait(10)
    except subprocess.TimeoutExpired:
        program.kill()


threading.Thread(target=stop_at_end_of_input, daemon=True).start()
sys.exit(program.wait())
