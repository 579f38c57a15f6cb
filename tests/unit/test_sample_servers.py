"""test_sample_servers.py - the proxy and the servers of tests/lib/servers.py do what fault tests rely on.

Why:   a proxy that does not stall makes every half-open test pass.
Runs in: tools/test (unit).
"""

import os
import socket
import sys
import threading
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import servers  # noqa: E402


class ProxyTest(unittest.TestCase):
    """The TCP proxy against an echo server."""

    def setUp(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.echo, daemon=True).start()
        self.proxy = servers.Proxy(self.listener.getsockname()[1])

    def tearDown(self):
        self.proxy.close()
        self.listener.close()

    def echo(self):
        """Accepts connections and sends everything back."""
        def one(end):
            try:
                while data := end.recv(4096):
                    end.sendall(data)
            except OSError:
                pass
            end.close()
        try:
            while True:
                threading.Thread(target=one, args=(self.listener.accept()[0],), daemon=True).start()
        except OSError:
            pass

    def connect(self):
        """A client through the proxy."""
        client = socket.create_connection(("127.0.0.1", self.proxy.port), 5)
        self.addCleanup(client.close)
        return client

    def test_bytes_pass(self):
        """What goes in comes back, whole and in order."""
        client, sent = self.connect(), os.urandom(300000)
        threading.Thread(target=client.sendall, args=(sent,)).start()
        got = b""
        while len(got) < len(sent):
            got += client.recv(65536)
        self.assertEqual(got, sent)

    def test_stalled_connections_stay_open_and_silent(self):
        """While stalled nothing passes, on old and on new connections; afterwards all of it does."""
        old = self.connect()
        old.sendall(b"a")
        self.assertEqual(old.recv(1), b"a")
        self.proxy.stall()
        new = self.connect()
        for client in (old, new):
            client.sendall(b"b")
            client.settimeout(0.3)
            with self.assertRaises(TimeoutError):
                client.recv(1)
            client.settimeout(5)
        self.proxy.resume()
        self.assertEqual((old.recv(1), new.recv(1)), (b"b", b"b"))

    def test_drop_and_refuse(self):
        """drop() resets what is there and takes new ones; refuse() resets new ones too until resume()."""
        client = self.connect()
        client.sendall(b"a")
        self.assertEqual(client.recv(1), b"a")
        self.proxy.drop()
        with self.assertRaises(ConnectionResetError):
            client.recv(1)
        client = self.connect()
        client.sendall(b"b")
        self.assertEqual(client.recv(1), b"b")
        self.proxy.refuse()
        with self.assertRaises(OSError):  # the reset may come as early as within connect()
            client = self.connect()
            client.sendall(b"c")
            if client.recv(1) == b"":
                raise ConnectionResetError
        self.proxy.resume()
        client = self.connect()
        client.sendall(b"d")
        self.assertEqual(client.recv(1), b"d")

    def test_cut_while_stalled(self):
        """A stalled connection can be dropped, and the proxy lives on."""
        client = self.connect()
        client.sendall(b"a")
        client.recv(1)
        self.proxy.stall()
        self.proxy.drop()
        self.proxy.resume()
        with self.assertRaises(ConnectionResetError):
            client.recv(1)
        client = self.connect()
        client.sendall(b"b")
        self.assertEqual(client.recv(1), b"b")


class ServerTest(unittest.TestCase):
    """Crash, restart, freeze; a wrong start is told."""

    def test_postgres_survives_a_crash(self):
        """Committed rows are there after SIGKILL; freeze stops answers; nothing is left after stop()."""
        with servers.Postgres() as server:
            server.psql("create table t(a int); insert into t values (7)")
            pid = server.process.pid
            server.restart(crash=True)
            self.assertNotEqual(pid, server.process.pid)
            self.assertEqual(server.psql("select a from t"), "7\n")
            family = [server.process.pid, *servers.children_of(server.process.pid)]
            server.freeze()
            server.thaw()
            self.assertTrue(server.answers())
        self.assertFalse(os.path.exists(server.directory))
        self.assertFalse(any(servers.alive(pid) for pid in family))

    def test_a_broken_start_is_told(self):
        """A server that ends at its start raises ServerError with its own words."""
        server = servers.Mosquitto(lines=["no_such_option 1"])
        self.addCleanup(server.stop)
        with self.assertRaises(servers.ServerError) as caught:
            server.start()
        self.assertIn("no_such_option", str(caught.exception))

    def test_waits_are_bounded(self):
        """wait_for() gives up after its bound and says what it waited for."""
        with self.assertRaises(servers.ServerError) as caught:
            servers.wait_for("the impossible", lambda: False, 0.1)
        self.assertIn("the impossible: not within 0.1 s", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
