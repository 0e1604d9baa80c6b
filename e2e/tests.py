"""What runs the tests of this folder: one after the other, whatever becomes of the others, and a line that counts."""
import time


class Failure(Exception):
    """Something is not as it should be, and the message says what."""


def equal(got, want):
    if got != want:
        raise Failure(f"got  {got!r}\n      want {want!r}")


class Tests:
    def __init__(self):
        self.passed = self.failed = 0

    def run(self, name, test):
        began = time.monotonic()
        try:
            test()
        except Exception as problem:  # whatever it is, the other tests tell more
            self.failed += 1
            print(f"FAIL  {name}\n      {type(problem).__name__}: {problem}", flush=True)
        else:
            self.passed += 1
            print(f"ok    {name} ({time.monotonic() - began:.1f} s)", flush=True)

    def report(self):
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0
