"""test_store - SIGKILL of a process that writes to the store, at 200 random moments; see store_crash.c."""
import os
import subprocess
import time
import unittest

KILLS = 200


class StoreKills(unittest.TestCase):
    def test_200_random_moments(self):
        seed = os.environ.get("TWINPOST_SEED", str(time.time_ns() % 1_000_000))
        print(f"# seed {seed}: TWINPOST_SEED={seed} repeats it", flush=True)
        program = os.path.join(os.environ["TWINPOST_BUILD"], "tests", "crash", "store_crash")
        done = subprocess.run([program, str(KILLS), seed], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=400)
        self.assertEqual(done.returncode, 0, done.stdout.decode("utf-8", "replace"))


if __name__ == "__main__":
    unittest.main()
