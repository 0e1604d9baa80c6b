"""Runs the tests of this folder one after the other, continues after failures, and prints a summary line."""
import time


class Failure(Exception):
    """An expectation that was not met; the message describes it."""


def equal(got, want):
    if got != want:
        raise Failure(f"got  {got!r}\n      want {want!r}")


class Tests:
    def __init__(self):
        self.passed = self.failed = 0

    def run(self, name, test):
        started = time.monotonic()
        try:
            test()
        except Exception as problem:  # continue with the other tests
            self.failed += 1
            print(f"FAIL  {name}\n      {type(problem).__name__}: {problem}", flush=True)
        else:
            self.passed += 1
            print(f"ok    {name} ({time.monotonic() - started:.1f} s)", flush=True)

    def report(self):
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0
