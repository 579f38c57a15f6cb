"""test_rabbitmq_cluster.py - three nodes of RabbitMQ, stopped and started one after the other under load.

Why:   a site that must not stand still has a cluster; its nodes go down for updates while postings are made.
Owns:  one cluster a test, on ports and directories of its own; a proxy that stands for the balancer before it.
Rules: 1. The node that the agent is connected to is stopped, and later the one that the sample cloud is connected to.
       2. The verdict is that of tests/lib/pipeline.py: nothing lost, each document once, order and chain per stream intact.
Runs in: integration tests.
"""

import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import pipeline  # noqa: E402
import servers  # noqa: E402


class Nodes:
    """A cluster as a Pipeline's broker: `port` is where the sample cloud connects."""

    def __init__(self, certificates):
        self.cluster = servers.RabbitMqCluster(certificates)
        self.cloud_node = 2

    @property
    def port(self):
        return self.cluster.nodes[self.cloud_node].port

    def __enter__(self):
        self.cluster.start()
        return self

    def __exit__(self, *_):
        self.cluster.stop()


class Cluster(unittest.TestCase):
    """Each stop moves a connection to another node."""

    def post(self, line):
        """New work, and a part of it received, so that the next stop comes in the middle."""
        before = len(line.received())
        line.post("--documents", 60)
        line.wait_received(before + 10)

    def test_behind_a_balancer(self):
        """The agent's node, then the cloud's, then the agent's again; each comes back before the next goes."""
        with pipeline.Pipeline(100, protocol="3.1.1", broker=Nodes, proxy=True) as line:
            nodes = line.broker.cluster.nodes
            line.proxy.target = ("127.0.0.1", nodes[0].port)
            line.agent.start()
            self.post(line)

            line.proxy.target = ("127.0.0.1", nodes[1].port)
            line.broker.cluster.stop_node(0)
            self.post(line)
            line.broker.cluster.start_node(0)

            line.broker.cluster.stop_node(2)
            line.stop_cloud()
            line.broker.cloud_node = 0
            line.start_cloud()
            self.post(line)
            line.broker.cluster.start_node(2)

            line.proxy.target = ("127.0.0.1", nodes[2].port)
            nodes[1].kill()
            self.post(line)
            line.wait_equal()
            self.assertEqual(line.agent.stop(), 0, line.agent.tail())
            self.assertEqual(line.judge(), [])
            self.assertGreaterEqual(line.proxy.accepted, 3)

    def test_with_a_list_of_hosts(self):
        """No balancer: the agent itself goes on to the next of uplink.fallback_hosts, and over the last to the first."""
        with pipeline.Pipeline(100, protocol="3.1.1", broker=Nodes) as line:
            nodes = line.broker.cluster.nodes
            line.agent.set("uplink.port", nodes[0].port)
            line.agent.set("uplink.fallback_hosts", [f"{servers.LOOPBACK}:{nodes[1].port}"])
            line.agent.write_config()
            line.agent.start()
            self.post(line)
            for place in (0, 1):
                line.broker.cluster.stop_node(place)
                self.post(line)
                line.broker.cluster.start_node(place)
            line.wait_equal()
            self.assertEqual(line.agent.stop(), 0, line.agent.tail())
            self.assertEqual(line.judge(), [])


if __name__ == "__main__":
    unittest.main()
