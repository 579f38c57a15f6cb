"""test_kill - SIGKILL of core, source child or uplink child at 200 random moments of a run.

While the agent reads, sends and is killed, the ERP goes on posting. At the end the documents at the subscriber are the
ERP's, each once by subject and revision, sequence gapless, chain intact. The seed is printed; TWINPOST_SEED repeats it.
"""
import os
import random
import time
import unittest

import pipeline

KILLS = 200
MOMENT_SECONDS_MAX = 0.4


class Kills(unittest.TestCase):
    def test_200_random_moments(self):
        seed = int(os.environ.get("TWINPOST_SEED", time.time_ns() % 1_000_000))
        print(f"# seed {seed}: TWINPOST_SEED={seed} repeats it", flush=True)
        moments = random.Random(seed)
        done = {"core": 0, "source": 0, "uplink": 0}
        with pipeline.Pipeline(600, seed=seed, more={"uplink.in_flight": 20}) as line:
            line.agent.start()
            while sum(done.values()) < KILLS:
                # A random moment is what is tested here: there is no condition to wait for.
                time.sleep(moments.random() * MOMENT_SECONDS_MAX)
                victim = moments.choice(("core", "source", "uplink"))
                if victim == "core":
                    line.agent.kill()
                    line.agent.start(wait=False)
                elif not line.agent.kill_child(victim):
                    continue
                done[victim] += 1
                if sum(done.values()) % 10 == 0:
                    line.post("--documents", 6, "--edit", 2)
            print(f"# killed: {done}", flush=True)
            line.agent.wait("it answers", line.agent.status)
            line.wait_equal(seconds=120)
            line.agent.stop()
            self.assertEqual(line.judge(), [])


if __name__ == "__main__":
    unittest.main()
