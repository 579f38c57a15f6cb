"""tap - runs one unittest file and prints its results as TAP, as the C tests do.

Usage: python3 tests/lib/tap.py FILE. Exit status 1 if a test failed.
"""
import importlib.util
import os
import sys
import time
import unittest


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.number = 0
        self.begun = 0.0

    def startTest(self, test):
        super().startTest(test)
        self.begun = time.monotonic()

    def line(self, good, test, note=""):
        self.number += 1
        seconds = time.monotonic() - self.begun
        print(f"{'ok' if good else 'not ok'} {self.number} - {test} ({seconds:.1f} s){note}", flush=True)

    def addSuccess(self, test):
        self.line(True, test)

    def bad(self, test, error):
        self.line(False, test)
        for text in self._exc_info_to_string(error, test).rstrip().split("\n"):
            print(f"# {text}", flush=True)

    def addError(self, test, err):
        super().addError(test, err)
        self.bad(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.bad(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.bad(subtest, err)

    def addSkip(self, test, reason):
        self.line(True, test, f" # SKIP {reason}")


def main(path):
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    sys.path.insert(0, root)
    sys.path.insert(0, os.path.join(root, "tests", "lib"))
    spec = importlib.util.spec_from_file_location(os.path.basename(path)[:-3], path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    result = TapResult()
    unittest.defaultTestLoader.loadTestsFromModule(module).run(result)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
